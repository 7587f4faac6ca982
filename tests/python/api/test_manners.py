"""Problems, conditional requests, limits, correlation ids, logs, health: on every route alike."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from api_client import problem_of

from benchmarks.api import publish_next
from pipeline.publish.generation import current
from pipeline.runs.nights import Rows, begin_night

PATHS = (
    "/v1/domains",
    "/v1/models",
    "/v1/codes",
    "/v1/crm-changes",
    "/v1/bench/customers",
    "/v1/bench/drivers",
    "/v1/bench/quality",
    "/v1/bench/calibration",
    "/v1/bench/drift",
)


@pytest.mark.parametrize("path", PATHS)
def test_an_answer_that_is_known_is_not_sent_again(made_world, start_api, path):
    api = start_api(made_world, "read")
    first = api.get(path)
    tag = first.headers["etag"]
    other = api.get(path + ("?limit=7" if "limit" not in path else ""))
    assert other.headers["etag"] != tag
    assert api.get(path + "?limit=7", headers={"If-None-Match": tag}).status_code == 200
    for sent in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = api.client.get(path, headers={"If-None-Match": sent})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
    assert api.get(path, headers={"If-None-Match": '"other"'}).status_code == 200


def test_a_new_generation_has_another_tag(world, start_api):
    api = start_api(world, "read")
    customer = api.get("/v1/bench/customers?limit=1").json()["items"][0]["customer_id"]
    tag = api.customer("bench", customer).headers["etag"]
    publish_next(world, 1)
    api.services.reader.refresh()
    answer = api.get(f"/v1/bench/customers/{customer}", headers={"If-None-Match": tag})
    assert answer.status_code == 200
    assert answer.headers["etag"] != tag


def test_a_tag_opens_nothing(world, start_api):
    api = start_api(world, "read")
    customer = api.get("/v1/bench/customers?limit=1").json()["items"][0]["customer_id"]
    tag = {"If-None-Match": api.customer("bench", customer).headers["etag"]}
    problem_of(api.get("/v1/bench/customers/nobody", headers=tag), 404)
    # `*` means any answer, and there is none
    for path, status in (
        ("/v1/bench/customers/nobody", 404),
        ("/v1/nothing/customers", 404),
        ("/v1/bench/customers?lmit=1", 422),
    ):
        problem_of(api.get(path, headers={"If-None-Match": "*"}), status)
    for scopes, domains, status in ((("write",), (), 403), (("read",), ("other",), 403)):
        key = {"X-API-Key": api.new_key(*scopes, domains=domains)}
        for sent in (tag, {"If-None-Match": "*"}):
            answer = api.client.get(f"/v1/bench/customers/{customer}", headers=sent | key)
            assert answer.status_code == status


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("suppressions", {"GET", "POST"}),
        ("audiences/x", {"PUT", "DELETE"}),
        ("suppressions/x", {"DELETE"}),
    ],
)
def test_every_method_that_a_path_answers_is_named(made_world, start_api, path, allowed):
    api = start_api(made_world, "read")
    answer = api.client.patch(f"/v1/bench/{path}")
    problem = problem_of(answer, 405, "method-not-allowed")
    assert set(answer.headers["allow"].split(", ")) == allowed
    assert answer.headers["allow"] in problem["detail"]


@pytest.mark.parametrize(
    ("headers", "status", "kind", "words"),
    [
        ({"Content-Type": ""}, 415, "unsupported-media-type", "without Content-Type"),
        ({"Content-Type": "text/csv"}, 415, "unsupported-media-type", "text/csv is not supported"),
        ({"Content-Type": "multipart/form-data"}, 415, "unsupported-media-type", "multipart"),
    ],
)
def test_a_body_of_another_kind_is_told_so(made_world, start_api, headers, status, kind, words):
    api = start_api(made_world, "write")
    answer = api.post("/v1/bench/contacts", content=b'{"contacts": []}', headers=headers)
    assert words in problem_of(answer, status, kind)["detail"]


def test_a_problem_has_no_tag_and_is_not_kept(made_world, start_api):
    answer = start_api(made_world, "read").get("/v1/bench/customers/nobody")
    problem_of(answer, 404, "unknown-customer")
    assert "etag" not in answer.headers
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("method", "path", "status", "kind"),
    [
        ("GET", "/v1/nowhere", 404, "no-such-route"),
        ("GET", "/elsewhere", 404, "no-such-route"),
        ("POST", "/v1/domains", 405, "method-not-allowed"),
        ("DELETE", "/v1/bench/customers", 405, "method-not-allowed"),
        ("PATCH", "/healthz", 405, "method-not-allowed"),
        ("GET", "/v1/nope/customers", 404, "unknown-domain"),
        ("GET", "/v1/nope/customers/x", 404, "unknown-domain"),
        ("GET", "/v1/bench/customers/nobody", 404, "unknown-customer"),
        ("GET", "/v1/bench/customers/", 404, "unknown-customer"),
        ("GET", "/v1/bench/customers/%00", 404, "unknown-customer"),
        ("GET", "/v1/bench/customers/%ff%fe", 404, "unknown-customer"),
        ("GET", "/v1/bench/customers/" + "x" * 501, 422, "invalid-request"),
        ("GET", "/v1/bench/customers?cursor=" + "x" * 3000, 422, "invalid-request"),
    ],
)
def test_problems_are_problem_details(made_world, start_api, method, path, status, kind):
    api = start_api(made_world, "read", "write")
    answer = api.client.request(method, path)
    problem_of(answer, status, kind)
    if status == 405:
        assert answer.headers["allow"]


def test_nothing_published_yet_is_told_and_then_served(home, world, start_api):
    import shutil

    api = start_api(home, "read", "write")
    assert api.get("/healthz").json() == {"status": "ok"}
    assert api.get("/readyz").status_code == 503
    for path in ("/v1/domains", "/v1/bench/customers", "/v1/bench/customers/x", "/v1/crm-changes"):
        answer = api.get(path)
        problem_of(answer, 503, "nothing-published")
        assert answer.headers["Retry-After"]
    body = {"contacts": [{"customer_id": "x", "contacted_on": "2024-01-01"}]}
    problem_of(api.post("/v1/bench/contacts", json=body), 503, "nothing-published")
    # the name comes last, as of a publish: the API looks for one all the time
    named = shutil.ignore_patterns("current.json")
    shutil.copytree(world.published, home.published, symlinks=True, ignore=named)
    shutil.copy(world.published / "current.json", home.published)
    assert api.get("/v1/domains").status_code == 200


def test_too_many_requests_are_told_when_to_come_back(made_world, start_api):
    api = start_api(made_world, "read", rate_limit="5/minute")
    answers = [api.get("/v1/domains") for _ in range(7)]
    assert [answer.status_code for answer in answers] == [200] * 5 + [429] * 2
    assert [answer.headers["RateLimit-Remaining"] for answer in answers[:5]] == list("43210")
    problem_of(answers[-1], 429, "too-many-requests")
    assert 0 < int(answers[-1].headers["Retry-After"]) <= 60
    assert answers[-1].headers["RateLimit-Limit"] == "5"
    # another key has its own, and probes have none
    other = api.client.get("/v1/domains", headers={"X-API-Key": api.new_key("read")})
    assert other.status_code == 200
    assert all(api.get("/healthz").status_code == 200 for _ in range(9))


def test_writes_have_a_smaller_limit_of_their_own(world, start_api):
    api = start_api(world, "read", "write", write_limit="2/minute")
    body = {"contacts": [{"customer_id": "x", "contacted_on": "2024-01-01"}]}
    codes = [api.post("/v1/bench/contacts", json=body).status_code for _ in range(3)]
    assert codes == [201, 201, 429]
    assert api.get("/v1/domains").status_code == 200


def test_a_correlation_id_is_kept_or_made_and_never_believed(made_world, start_api):
    api = start_api(made_world, "read")
    mine = str(uuid4())
    answer = api.get("/v1/nowhere", headers={"X-Request-ID": mine})
    assert UUID(answer.headers["x-request-id"]) == UUID(mine)
    assert UUID(answer.json()["request_id"]) == UUID(mine)
    assert UUID([e for e in api.lines() if e["event"] == "request"][-1]["request_id"]) == UUID(mine)
    for odd in ("x" * 5000, 'forged", "level": "error', "not-a-uuid"):
        answer = api.get("/v1/domains", headers={"X-Request-ID": odd})
        assert UUID(answer.headers["x-request-id"])
        assert odd not in api.log.getvalue()


def test_the_log_is_json_without_customers_bodies_or_keys(world, start_api):
    api = start_api(world, "read", "write")
    customer = api.get("/v1/bench/customers?limit=1").json()["items"][0]["customer_id"]
    api.customer("bench", customer)
    api.get("/v1/bench/customers?theme=secret-theme&bad=secret-query")
    api.post(
        "/v1/bench/suppressions",
        json={"suppressions": [{"customer_id": "secret-customer", "reason": "secret-reason"}]},
    )
    api.delete("/v1/bench/suppressions/secret-customer")
    lines = [line for line in api.lines() if line["event"] == "request"]
    assert [line["route"].rsplit("/", 1)[-1] for line in lines] == [
        "customers",
        "{customer_id:path}",
        "customers",
        "suppressions",
        "{customer_id:path}",
    ]
    assert {"method", "status", "milliseconds", "key", "generation"} <= set(lines[0])
    told = api.log.getvalue()
    assert "secret" not in told
    assert customer not in told
    assert api.key not in told
    assert api.key.split("_")[2] not in told


def test_what_broke_is_logged_without_its_words(world, start_api, monkeypatch):
    from app.api.published.generation import OpenGeneration

    api = start_api(world, "read")

    def broken(*_):
        raise RuntimeError("customer secret-customer is odd")

    monkeypatch.setattr(OpenGeneration, "customer", broken)
    answer = api.client.get("/v1/bench/customers/secret-customer")
    problem = problem_of(answer, 500, "internal-error")
    (line,) = [line for line in api.lines() if line["event"] == "request_failed"]
    assert line["error"] == "RuntimeError"
    assert line["request_id"] == problem["request_id"]
    assert "secret-customer" not in api.log.getvalue() + problem["detail"]


def test_metrics_tell_requests_by_route_and_need_their_scope(made_world, start_api):
    api = start_api(made_world, "read", "admin")
    for _ in range(3):
        api.get("/v1/domains")
    api.get("/v1/bench/customers/nobody")
    told = api.client.get("/metrics").text
    assert 'churn_api_requests_total{method="GET",route="/v1/domains",status="200"} 3.0' in told
    assert "nobody" not in told
    assert "churn_api_generation_published_seconds" in told
    assert "/metrics" not in api.get("/openapi.json").json()["paths"]


def test_ready_means_open_fresh_and_scored_by_the_live_model(api, start_api):
    answer = api.get("/readyz")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "ready"
    assert all(check["is_good"] for check in answer.json()["checks"])
    stale = start_api(api.home, "read", max_age_hours=0)
    answer = stale.get("/readyz")
    assert answer.status_code == 503
    assert [c["name"] for c in answer.json()["checks"] if not c["is_good"]] == ["fresh"]


def test_probes_and_the_description_need_no_key(made_world, start_api):
    api = start_api(made_world)
    for path in ("/healthz", "/openapi.json"):
        assert api.client.get(path).status_code == 200
    for path in ("/v1/domains", "/metrics", "/v1/bench/customers/x", "/v1/nowhere"):
        problem_of(api.client.get(path), 401, "not-authenticated")


def test_two_apps_in_one_process_share_nothing(world, made_world, start_api):
    one, two = start_api(world, "read"), start_api(made_world, "read")
    publish_next(world, 1)
    one.services.reader.refresh()
    assert one.get("/v1/domains").json()["model_version"] == {"bench": "run 1", "idle": None}
    assert two.get("/v1/domains").json()["model_version"] == {"bench": "run 0", "idle": None}
    problem_of(two.client.get("/v1/domains", headers={"X-API-Key": one.key}), 401)


def test_the_served_generation_may_be_removed_from_disk(world, start_api):
    api = start_api(world, "read")
    assert api.get("/v1/domains").status_code == 200
    path = current(world).path
    for suffix in (".duckdb", ".sqlite"):
        path.with_suffix(suffix).unlink()
    items = api.items("/v1/bench/customers?limit=500")
    assert len(items) == 300
    assert api.customer("bench", items[0]["customer_id"]).status_code == 200


def test_an_expired_key_does_not_work(made_world, start_api):
    api = start_api(made_world, "read")
    now = datetime.now(UTC).replace(tzinfo=None)
    for hours, status in ((1, 200), (-1, 401)):
        key = api.new_key("read", expires_at=now + timedelta(hours=hours))
        answer = api.client.get("/v1/domains", headers={"X-API-Key": key})
        assert answer.status_code == status


def test_metrics_tell_how_the_last_night_ended(home, start_api):
    api = start_api(home, "admin")
    log = begin_night(home, "nightly")
    with log.step("score", "kkbox") as step:
        step.rows = 12
    log.night.rows.append(Rows(domain="kkbox", table="transactions", read=10, quarantined=3))
    log.warn("the feed is late", "kkbox")
    # a night that runs is not the last one that ended
    told = api.client.get("/metrics").text
    assert "churn_night_record_readable 1.0" in told
    assert "churn_night_outcome" not in told
    log.end(4)
    told = api.client.get("/metrics").text
    for line in (
        "churn_night_record_readable 1.0",
        'churn_night_outcome{outcome="warned"} 1.0',
        'churn_night_step_rows{domain="kkbox",step="score"} 12.0',
        'churn_night_rows_read{domain="kkbox",quarantined="yes",table="transactions"} 3.0',
        'churn_night_rows_read{domain="kkbox",quarantined="no",table="transactions"} 7.0',
        'churn_night_notes{domain="kkbox",kind="warning"} 1.0',
    ):
        assert line in told, told
    log.path.write_text("{")
    told = api.client.get("/metrics").text
    assert "churn_night_record_readable 0.0" in told
    assert "churn_night_outcome" not in told
