"""What people tell the API is kept once, and a plan that is only computed changes nothing."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from api_client import problem_of

from pipeline.publish.generation import current
from pipeline.retention import decisions
from pipeline.retention.exports import export_decisions
from pipeline.retention.plan import make_retention_plan, saved_settings


@pytest.fixture
def writer(world, start_api):
    return start_api(world, "read", "write")


def suppressions(*ids, reason="asked"):
    return {"suppressions": [{"customer_id": i, "reason": reason} for i in ids]}


def contacts(*ids, day="2024-01-02"):
    return {"contacts": [{"customer_id": i, "contacted_on": day} for i in ids]}


def scored(api):
    """The domains with scores."""
    items = api.get("/v1/domains").json()["items"]
    return [item["domain"] for item in items if item["run_id"]]


def test_suppressions_are_kept_listed_and_lifted(writer, world):
    done = writer.post("/v1/bench/suppressions", json=suppressions("a/+b", "c"))
    assert done.status_code == 201
    assert (done.json()["received"], done.json()["added"]) == (2, 2)
    again = writer.post("/v1/bench/suppressions", json=suppressions("c", "d", reason="moved"))
    assert again.json()["added"] == 1
    items = writer.items("/v1/bench/suppressions?limit=1")
    assert [(i["customer_id"], i["reason"]) for i in items] == [
        ("a/+b", "asked"),
        ("c", "moved"),
        ("d", "moved"),
    ]
    assert [row[1] for row in decisions.read_state(world, decisions.SUPPRESSIONS)] == [
        "a/+b",
        "c",
        "d",
    ]
    assert writer.delete("/v1/bench/suppressions/a/+b").json()["lifted"] == 1
    assert writer.delete("/v1/bench/suppressions/a/+b").json()["lifted"] == 0
    assert len(writer.items("/v1/bench/suppressions")) == 2


def test_what_is_kept_names_its_author(writer, world):
    named = {"X-Churn-Person": "Zo%C3%AB  %0AM"}
    writer.post("/v1/bench/suppressions", json=suppressions("a", "b"))
    writer.post("/v1/bench/suppressions", json=suppressions("b"), headers=named)
    writer.put("/v1/bench/audiences/x", json={"filter": {}}, headers=named)
    first, second = (item["added_by"] for item in writer.items("/v1/bench/suppressions"))
    assert first.startswith("test ")
    assert second == f"Zoë M ({first})"
    assert [item["saved_by"] for item in writer.items("/v1/bench/audiences")] == [second]
    # what was stored before authors were kept has none
    decisions.suppress(world, "bench", [("c", "asked")])
    assert writer.items("/v1/bench/suppressions")[-1]["added_by"] is None
    # who decided does not make a plan anew
    before = decisions.state_fingerprint(world)
    decisions.suppress(world, "bench", [("c", "asked")], by="somebody else")
    assert decisions.state_fingerprint(world) == before


def test_a_contact_counts_once_however_often_it_is_sent(writer, world):
    for added in (2, 0):
        done = writer.post("/v1/bench/contacts", json=contacts("x", "y"))
        assert done.json()["added"] == added
    assert len(decisions.read_state(world, decisions.CONTACTS)) == 2


def test_audiences_are_saved_listed_replaced_and_forgotten(writer, world):
    path = "/v1/bench/audiences/worth%20a%2Fcall"
    saved = writer.put(path, json={"filter": {"band": ["critical"], "due_to": "2026-01-31"}})
    assert saved.status_code == 200
    assert saved.json()["name"] == "worth a/call"
    writer.put("/v1/bench/audiences/all", json={"filter": {}})
    writer.put(path, json={"filter": {"band": ["high"]}})
    kept = writer.items("/v1/bench/audiences?limit=1")
    assert [(one["name"], one["filter"]) for one in kept] == [
        ("all", {}),
        ("worth a/call", {"band": ["high"]}),
    ]
    # a filter is what the customer list is asked with
    found = writer.items("/v1/bench/customers?limit=500&band=high")
    assert found
    assert {row["risk_band"] for row in found} == {"high"}
    assert writer.delete(path).json()["forgotten"] == 1
    assert writer.delete(path).json()["forgotten"] == 0
    assert len(writer.items("/v1/bench/audiences")) == 1


@pytest.mark.parametrize(
    ("chosen", "pointer"),
    [
        ({"band": ["worst"]}, "#/filter/band"),
        ({"bands": ["high"]}, "#/filter/bands"),
        ({"due_from": 20260101}, "#/filter/due_from"),
        ({"min_probability": 0.9, "max_probability": 0.1}, "#/filter/min_probability"),
        ({"action": ["a gift"]}, "#/filter/action"),
        ({"channel": ["pigeon"]}, "#/filter/channel"),
        ({"part": ["tenure:forever"]}, "#/filter/part"),
        ({"driver": ["the moon"]}, "#/filter/driver"),
        ({"min_customer_value": 2, "max_customer_value": 1}, "#/filter/min_customer_value"),
    ],
)
def test_an_audience_that_means_nobody_is_refused(writer, chosen, pointer):
    refused = writer.put("/v1/bench/audiences/x", json={"filter": chosen})
    problem = problem_of(refused, 422, "invalid-request")
    assert problem["errors"][0]["pointer"] == pointer
    assert writer.items("/v1/bench/audiences") == []


def test_a_domain_has_so_many_audiences_and_no_more(writer, monkeypatch):
    monkeypatch.setattr("app.api.routes.audiences.MOST", 2)
    for name in ("a", "b", "b"):
        assert writer.put(f"/v1/bench/audiences/{name}", json={"filter": {}}).status_code == 200
    refused = writer.put("/v1/bench/audiences/c", json={"filter": {}})
    problem_of(refused, 409, "too-many-audiences")
    assert len(writer.items("/v1/bench/audiences")) == 2


def test_what_is_kept_reaches_the_next_plan(api_home, demo_copy, start_api):
    # the fingerprint of the state is what makes the next run plan anew
    api = start_api(demo_copy, "read", "write")
    before = decisions.state_fingerprint(demo_copy)
    domain = scored(api)[0]
    api.post(f"/v1/{domain}/suppressions", json=suppressions("someone"))
    assert decisions.state_fingerprint(demo_copy) != before
    export_decisions(demo_copy)
    exported = {path.stem for path in demo_copy.state_export.glob("*.parquet")}
    assert {"suppressions", "contacts", "plans"} <= exported
    assert not any("api" in name for name in exported)


def test_keys_and_answers_do_not_make_anything_anew(writer, world):
    before = decisions.state_fingerprint(world)
    writer.new_key("read")
    assert decisions.state_fingerprint(world) == before


def test_twenty_parallel_posts_with_one_key_have_one_effect(writer, world):
    headers = {"Idempotency-Key": "one"}
    body = contacts(*(f"customer {n}" for n in range(50)))

    def post(_):
        return writer.post("/v1/bench/contacts", json=body, headers=headers)

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(post, range(20)))
    assert {answer.status_code for answer in answers} == {201}
    # without the key nineteen of them would have added nothing
    assert {answer.json()["added"] for answer in answers} == {50}
    assert sum("Idempotent-Replayed" not in answer.headers for answer in answers) == 1
    assert len({answer.content for answer in answers}) == 1
    assert len(decisions.read_state(world, decisions.CONTACTS)) == 50


def test_the_work_of_parallel_posts_runs_once(writer, monkeypatch):
    runs = []

    def slow(*arguments):
        runs.append(arguments)
        import time

        time.sleep(0.3)
        return 7

    monkeypatch.setattr(decisions, "note_contacts", slow)
    with ThreadPoolExecutor(20) as pool:
        answers = list(
            pool.map(
                lambda _: writer.post(
                    "/v1/bench/contacts", json=contacts("x"), headers={"Idempotency-Key": "k"}
                ),
                range(20),
            )
        )
    assert len(runs) == 1
    assert {answer.json()["added"] for answer in answers} == {7}


def test_an_idempotency_key_belongs_to_one_request_of_one_key(writer):
    headers = {"Idempotency-Key": "mine"}
    writer.post("/v1/bench/contacts", json=contacts("x"), headers=headers)
    for path, body in (("contacts", contacts("y")), ("suppressions", suppressions("x"))):
        answer = writer.post(f"/v1/bench/{path}", json=body, headers=headers)
        problem_of(answer, 422, "idempotency-key-reused")
    other = {"X-API-Key": writer.new_key("write"), **headers}
    done = writer.post("/v1/bench/contacts", json=contacts("y"), headers=other)
    assert done.json()["added"] == 1


def test_a_post_that_failed_may_be_tried_again_with_its_key(writer, monkeypatch):
    def broken(*_):
        raise RuntimeError("disk full")

    headers = {"Idempotency-Key": "again"}
    with monkeypatch.context() as patch:
        patch.setattr(decisions, "note_contacts", broken)
        answer = writer.client.post("/v1/bench/contacts", json=contacts("x"), headers=headers)
        problem_of(answer, 500, "internal-error")
        assert "disk full" not in answer.text
    done = writer.post("/v1/bench/contacts", json=contacts("x"), headers=headers)
    assert done.json()["added"] == 1


def test_a_claim_whose_process_died_is_taken_over(writer):
    import hashlib

    import sqlalchemy as sa

    from app.api.access.store import ANSWERS

    headers = {"Idempotency-Key": "dead"}
    body = b'{"contacts": [{"customer_id": "x", "contacted_on": "2024-01-02"}]}'
    told = b"POST /v1/bench/contacts?\n" + body
    with writer.services.store.writing() as connection:
        connection.execute(
            sa.insert(ANSWERS).values(
                key_id=writer.key.split("_")[1],
                idempotency_key="dead",
                request_hash=hashlib.sha256(told).hexdigest(),
                effect_id="effect",
                claimed_at=datetime.now(UTC).replace(tzinfo=None) - timedelta(minutes=2),
            )
        )
    done = writer.post(
        "/v1/bench/contacts", content=body, headers=headers | {"Content-Type": "application/json"}
    )
    assert done.json()["added"] == 1


def test_kept_answers_hold_no_customer_and_are_forgotten(world, start_api):
    import sqlalchemy as sa

    from app.api.access.store import ANSWERS

    api = start_api(world, "write", idempotency_hours=0)
    for number in (1, 2):
        api.post(
            "/v1/bench/contacts",
            json=contacts("secret customer"),
            headers={"Idempotency-Key": f"{number}"},
        )
    with api.services.store.reading() as connection:
        rows = connection.execute(sa.select(ANSWERS)).all()
    assert len(rows) == 1
    assert "secret" not in str(rows)


@pytest.mark.parametrize(
    ("path", "body", "pointer", "row", "words"),
    [
        (
            "contacts",
            contacts("a", "b", day="2999-01-01"),
            "#/contacts/0/contacted_on",
            1,
            "future",
        ),
        (
            "contacts",
            {
                "contacts": [
                    *contacts("a")["contacts"],
                    {"customer_id": "b", "contacted_on": "soon"},
                ]
            },
            "#/contacts/1/contacted_on",
            2,
            "YYYY-MM-DD",
        ),
        ("contacts", contacts("a", day=17), "#/contacts/0/contacted_on", 1, "YYYY-MM-DD"),
        ("contacts", contacts("a", day=None), "#/contacts/0/contacted_on", 1, "YYYY-MM-DD"),
        ("contacts", contacts(""), "#/contacts/0/customer_id", 1, "1 character"),
        ("contacts", contacts("a\0b"), "#/contacts/0/customer_id", 1, "pattern"),
        ("contacts", contacts(7), "#/contacts/0/customer_id", 1, "string"),
        ("contacts", {"contacts": []}, "#/contacts", None, "at least 1"),
        ("contacts", contacts(*map(str, range(1_001))), "#/contacts", None, "1000"),
        ("contacts", {}, "#/contacts", None, "required"),
        ("contacts", [], "#", None, "is not an object"),
        (
            "contacts",
            {"contacts": [contacts("a")["contacts"][0] | {"action_id": "nope"}]},
            "#/contacts/0/action_id",
            1,
            "'nope' is not an action",
        ),
        (
            "contacts",
            {"contacts": [contacts("a")["contacts"][0] | {"when": 1}]},
            "#/contacts/0/when",
            1,
            "is not a known field",
        ),
        ("suppressions", suppressions("a", reason=" "), "#/suppressions/0/reason", 1, "1 char"),
        ("suppressions", suppressions("a", "b", "a"), "#/suppressions/2/customer_id", 3, "twice"),
        *(
            (
                "suppressions",
                suppressions("a", reason=text),
                "#/suppressions/0/reason",
                1,
                "formula",
            )
            for text in ("=1+1", "+cmd|' /C calc'!A0", "-2", "@SUM(A1)", "  =1")
        ),
    ],
)
def test_a_wrong_row_is_named_with_its_field_and_nothing_is_kept(
    writer, world, path, body, pointer, row, words
):
    answer = writer.post(f"/v1/bench/{path}", json=body)
    fault = problem_of(answer, 422, "invalid-request")["errors"][0]
    assert fault["pointer"] == pointer
    assert fault.get("row") == row
    assert words in fault["detail"]
    for table in (decisions.CONTACTS, decisions.SUPPRESSIONS):
        assert decisions.read_state(world, table) == []


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"{", 400, "unreadable-body"),
        (b'{"contacts": NaN}', 422, "invalid-request"),
        (b'{"contacts": "\\ud800"}', 422, "invalid-request"),
        (
            b'{"contacts": [{"customer_id": "\\ud800", "contacted_on": "2024-01-01"}]}',
            422,
            "invalid-request",
        ),
        (b"\xff\xfe", 400, "unreadable-body"),
        (b"[" * 100_000, 400, "unreadable-body"),
        (b"1" * 10_000, 400, "unreadable-body"),
        (
            b'{"contacts": [{"customer_id": "' + b"x" * 10_000_000 + b'"}]}',
            413,
            "content-too-large",
        ),
        (b"", 422, "invalid-request"),
    ],
)
def test_a_body_that_cannot_be_read_is_told(writer, body, status, kind):
    answer = writer.post(
        "/v1/bench/contacts", content=body, headers={"Content-Type": "application/json"}
    )
    problem_of(answer, status, kind)


def test_a_body_without_a_length_is_counted_while_it_comes(writer):
    def parts():
        for _ in range(200):
            yield b" " * 10_000

    answer = writer.post(
        "/v1/bench/contacts", content=parts(), headers={"Content-Type": "application/json"}
    )
    problem_of(answer, 413, "content-too-large")


def test_a_form_is_not_taken_for_json(writer):
    answer = writer.post("/v1/bench/contacts", data={"contacts": "x"})
    problem_of(answer, 415, "unsupported-media-type")


def test_a_computed_plan_is_that_of_the_command_line_and_changes_nothing(demo, start_api, api):
    home, _ = demo
    before = current(api.home)
    for domain in scored(api):
        expected = make_retention_plan(home, domain, budget=700.0, holdout=0.2)
        answer = api.post(f"/v1/{domain}/plans", json={"budget": 700, "holdout": 0.2}).json()
        figures = answer["budget"]
        assert figures["budget"] == 700
        assert figures["holdout_share"] == 0.2
        assert round(100 * figures["expected_profit"]) == expected.figures["profit_cents"]
        assert saved_settings(expected) == (70_000, 200)
        # without a filter it is for everybody
        assert sum(item["customers"] for item in answer["items"]) == answer["customers"]
    assert current(api.home) == before
    assert decisions.read_state(api.home, decisions.PLANS) == []


def test_a_plan_without_changes_is_the_published_one(api):
    domain = scored(api)[0]
    published = api.get(f"/v1/{domain}/plan?limit=500").json()
    computed = api.post(f"/v1/{domain}/plans", json={}).json()
    assert computed["budget"] == published["budget"]

    def lines(plan):
        return sorted(str(item) for item in plan["items"])

    assert lines(computed) == lines(published)


def test_a_plan_treats_only_whom_the_filter_lets_through(api):
    domain = scored(api)[0]
    action = api.get(f"/v1/{domain}/customers?decision=treat&limit=1").json()["items"][0]
    asked = {"filter": {"bands": ["high"], "actions": [action["planned_action"]]}}
    plan = api.post(f"/v1/{domain}/plans", json=asked).json()
    high = api.items(f"/v1/{domain}/customers?band=high&limit=500")
    everybody = api.items(f"/v1/{domain}/customers?limit=500")
    assert 0 < plan["customers"] == len(high) < len(everybody)
    # a line for everybody, and an action for those alone
    assert sum(item["customers"] for item in plan["items"]) == len(everybody)
    planned = [item for item in plan["items"] if item["decision"] != "leave"]
    assert {item["risk_band"] for item in planned} == {"high"}
    assert {item["action_id"] for item in planned} == {action["planned_action"]}
    assert "outside_the_audience" in {item["reason"] for item in plan["items"]}


def test_a_plan_can_be_for_parts_of_segments(api):
    domain = scored(api)[0]
    of_segment = {}
    for row in api.rows(
        "select segment, segment_value_code as code from serving.bi_customer_segments "
        "where domain = ? group by all order by count(*) desc, 1, 2",
        domain,
    ):
        of_segment.setdefault(row["segment"], []).append(f"{row['segment']}:{row['code']}")
    first, second = [parts for parts in of_segment.values() if len(parts) > 2][:2]
    asked = [*first[:2], second[0]]  # either part of the one segment, and this part of the other
    among = "&".join(f"part={part}" for part in asked)
    expected = len(api.items(f"/v1/{domain}/customers?{among}&limit=500"))
    plan = api.post(f"/v1/{domain}/plans", json={"filter": {"parts": asked}}).json()
    everybody = len(api.items(f"/v1/{domain}/customers?limit=500"))
    assert 0 < plan["customers"] == expected < everybody


@pytest.mark.parametrize(
    ("body", "pointer", "words"),
    [
        ({"filter": {"parts": ["ladder:odd"]}}, "#/filter/parts", "ladder:"),
        ({"budget": -1}, "#/budget", "greater"),
        ({"budget": "much"}, "#/budget", "number"),
        ({"budget": "5"}, "#/budget", "number"),
        ({"holdout": 0.9}, "#/holdout", "0.5"),
        ({"filter": {"bands": ["purple"]}}, "#/filter/bands", "critical"),
        ({"filter": {"actions": ["nope"]}}, "#/filter/actions", "nope"),
        ({"filter": {"min_probability": 1, "max_probability": 0}}, "#/filter", "no scored"),
        ({"filter": {"due_from": "soon"}}, "#/filter/due_from", "YYYY-MM-DD"),
        ({"bugdet": 5}, "#/bugdet", "is not a known field"),
    ],
)
def test_a_wrong_plan_is_told(api, body, pointer, words):
    domain = scored(api)[0]
    fault = problem_of(api.post(f"/v1/{domain}/plans", json=body), 422)["errors"][0]
    assert fault["pointer"] == pointer
    assert words in fault["detail"]


def test_a_number_that_is_none_is_no_budget(api):
    domain = scored(api)[0]
    for text in (b'{"budget": NaN}', b'{"budget": Infinity}', b'{"budget": 1e999}'):
        answer = api.post(
            f"/v1/{domain}/plans", content=text, headers={"Content-Type": "application/json"}
        )
        problem_of(answer, 422)


def test_one_plan_is_computed_at_a_time(api):
    domain = scored(api)[0]
    with api.services.planner:
        answer = api.post(f"/v1/{domain}/plans", json={})
    problem_of(answer, 503, "busy")
    assert int(answer.headers["Retry-After"]) > 0


def test_a_generation_without_plans_or_look_ups_says_what_to_do(world, start_api):
    import shutil

    generation = current(world)
    generation.path.with_suffix(".sqlite").unlink()
    shutil.rmtree(generation.path.with_suffix(".plan"), ignore_errors=True)
    api = start_api(world, "read")
    for answer in (api.get("/v1/bench/customers/x"), api.post("/v1/bench/plans", json={})):
        assert "churn publish" in problem_of(answer, 503)["detail"]
