"""OWASP API Security Top 10, 2023: a test at least for each class that applies.

API7 (server-side request forgery) and API10 (unsafe consumption of APIs) have no place to happen:
the API fetches nothing. That it takes no address is a test here.
"""

import asyncio
import hashlib
import re
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import sqlalchemy as sa
from api_client import checked, problem_of
from starlette.exceptions import HTTPException

from app.api.access.gate import OPEN, GateMiddleware
from app.api.access.keys import SCOPES, Principal
from app.api.access.store import ANSWERS, KEYS
from app.api.settings import ApiSettings
from pipeline.project.home import PROJECT

CONTACT = {"contacts": [{"customer_id": "x", "contacted_on": "2024-01-01"}]}
SUPPRESSION = {"suppressions": [{"customer_id": "x", "reason": "asked"}]}
# What needs which scope: (method, path, body)
NEEDS = {
    "read": [
        ("GET", "/v1/domains", None),
        ("GET", "/v1/models", None),
        ("GET", "/v1/codes", None),
        ("GET", "/v1/crm-changes", None),
        *(
            ("GET", f"/v1/bench/{path}", None)
            for path in (
                "customers",
                "customers/x",
                "drivers",
                "quality",
                "quality/days",
                "quality/segments",
                "quality/realised",
                "calibration",
                "drift",
                "plan",
                "suppressions",
                "audiences",
                "drafts",
                "drafts/x",
                "drafts/x/customers",
                "audit",
                "campaigns",
                "campaigns/x",
                "campaigns/x/members",
                "campaigns/x/result",
                "playbooks",
                "dead-letters",
            )
        ),
        ("POST", "/v1/bench/plans", {}),
    ],
    "write": [
        ("POST", "/v1/bench/suppressions", SUPPRESSION),
        ("POST", "/v1/bench/contacts", CONTACT),
        ("DELETE", "/v1/bench/suppressions/x", None),
        ("PUT", "/v1/bench/audiences/x", {"filter": {}}),
        ("DELETE", "/v1/bench/audiences/x", None),
    ],
    "plan": [
        ("PUT", "/v1/bench/drafts/x", {}),
        ("DELETE", "/v1/bench/drafts/x", None),
        ("PUT", "/v1/bench/campaigns/x", {"budget": 1.0}),
        ("POST", "/v1/bench/campaigns/x/preview", None),
        ("PUT", "/v1/bench/playbooks/x", {"campaign": "y"}),
        ("PUT", "/v1/bench/playbooks/x/draft", {"campaign": "y"}),
        ("DELETE", "/v1/bench/playbooks/x", None),
    ],
    "approve": [
        ("POST", "/v1/bench/drafts/x/approval?draft_id=y", None),
        ("POST", "/v1/bench/campaigns/x/launch?campaign_id=y", None),
        *(("POST", f"/v1/bench/campaigns/x/{do}", None) for do in ("pause", "resume", "finish")),
        ("POST", "/v1/bench/dead-letters/replays", {"messages": ["x"]}),
    ],
    "admin": [("GET", "/metrics", None)],
}


# API1 broken object level authorization
def test_a_key_for_one_domain_sees_no_other(api, start_api):
    items = api.get("/v1/domains").json()["items"]
    # the other one has scores or not
    mine, other = [item["domain"] for item in sorted(items, key=lambda item: not item["run_id"])]
    limited = start_api(api.home, "read", "write", "plan", "approve", domains=[mine])
    theirs = api.get(f"/v1/{other}/customers?limit=1").json().get("items")
    customer = theirs[0]["customer_id"] if theirs else "somebody"
    for method, path, body in (
        ("GET", f"/v1/{other}/customers", None),
        ("GET", f"/v1/{other}/customers/{customer}", None),
        ("GET", f"/v1/{other}/suppressions", None),
        ("POST", f"/v1/{other}/suppressions", SUPPRESSION),
        ("POST", f"/v1/{other}/plans", {}),
        ("DELETE", f"/v1/{other}/suppressions/x", None),
        ("GET", f"/v1/{other}/audiences", None),
        ("PUT", f"/v1/{other}/audiences/x", {"filter": {}}),
        ("DELETE", f"/v1/{other}/audiences/x", None),
        ("GET", f"/v1/{other}/drafts", None),
        ("PUT", f"/v1/{other}/drafts/x", {}),
        ("POST", f"/v1/{other}/drafts/x/approval?draft_id=y", None),
        ("DELETE", f"/v1/{other}/drafts/x", None),
        ("GET", f"/v1/{other}/campaigns", None),
        ("PUT", f"/v1/{other}/campaigns/x", {"budget": 1.0}),
        ("POST", f"/v1/{other}/campaigns/x/launch?campaign_id=y", None),
        ("GET", f"/v1/{other}/campaigns/x/members", None),
        ("GET", f"/v1/{other}/campaigns/x/result", None),
        ("GET", f"/v1/{other}/playbooks", None),
        ("PUT", f"/v1/{other}/playbooks/x", {"campaign": "y"}),
        ("DELETE", f"/v1/{other}/playbooks/x", None),
        ("GET", f"/v1/{other}/dead-letters", None),
    ):
        answer = checked(limited.client.request(method, path, json=body))
        assert customer not in problem_of(answer, 403, "domain-not-allowed")["detail"]
    assert [d["domain"] for d in limited.get("/v1/domains").json()["items"]] == [mine]
    assert {row["domain"] for row in limited.items("/v1/crm-changes?limit=5000")} == {mine}
    assert {row["domain"] for row in limited.items("/v1/models")} == {mine}
    problem_of(limited.get(f"/v1/crm-changes?domain={other}"), 422)
    # a cursor from a key that may see more does not open it either
    cursor = api.get("/v1/crm-changes?limit=1").json()["next_cursor"]
    problem_of(limited.get(f"/v1/crm-changes?cursor={cursor}"), 422)


# API2 broken authentication
def test_a_key_is_kept_as_a_hash_and_nowhere_else(world, start_api):
    api = start_api(world, "read")
    api.get("/v1/domains")
    secret = api.key.split("_", 2)[2]
    assert len(secret) >= 43
    with api.services.store.reading() as connection:
        (row,) = connection.execute(sa.select(KEYS).where(KEYS.c.id == api.key.split("_")[1]))
    assert row.hash == hashlib.sha256(api.key.encode()).hexdigest()
    files = [path for path in world.root.rglob("*") if path.is_file()]
    assert any("state.sqlite" in path.name for path in files)
    assert not any(secret.encode() in path.read_bytes() for path in files)


@pytest.mark.parametrize(
    "change",
    [
        lambda key: key[:-1] + ("a" if key[-1] != "a" else "b"),
        lambda key: key.upper(),
        lambda key: key.rsplit("_", 1)[0],
        lambda key: "churn__",
        lambda key: "x",
        lambda key: key + "x",
        lambda key: "churn_" + "0" * 8 + key[14:],
    ],
)
def test_a_key_that_is_not_quite_right_is_refused(made_world, start_api, change):
    api = start_api(made_world, "read")
    answer = api.client.get("/v1/domains", headers={"X-API-Key": change(api.key)})
    problem_of(answer, 401, "not-authenticated")
    assert "ApiKey" in answer.headers["www-authenticate"]


def test_a_key_in_the_address_is_no_key(made_world, start_api):
    api = start_api(made_world, "read")
    answer = api.client.get(f"/v1/domains?X-API-Key={api.key}", headers={"X-API-Key": ""})
    problem_of(answer, 401)


def test_guessing_keys_is_slowed_down_and_does_not_lock_the_owner_out(made_world, start_api):
    api = start_api(made_world, "read", failure_limit="3/minute")
    codes = [
        api.client.get("/v1/domains", headers={"X-API-Key": f"churn_{n:08x}_x"}).status_code
        for n in range(5)
    ]
    assert codes == [401, 401, 401, 429, 429]
    assert api.get("/v1/domains").status_code == 200


def test_a_revoked_key_stops_with_its_next_request(world, start_api, run_churn):
    api = start_api(world, "read")
    created = run_churn(
        world.root, "keys", "create", "--name", "crm sync", "--scope", "read", "--scope", "write"
    )
    assert created.returncode == 0, created.stderr
    key = created.stdout.splitlines()[-1]
    assert re.fullmatch(r"churn_[0-9a-f]{8}_[\w-]{43}", key)
    headers = {"X-API-Key": key}
    assert api.client.get("/v1/domains", headers=headers).status_code == 200
    listed = run_churn(world.root, "keys", "list").stdout
    assert "crm sync" in listed
    assert "read write" in listed
    assert key.split("_", 2)[2] not in listed
    assert run_churn(world.root, "keys", "revoke", "crm sync").returncode == 0
    problem_of(api.client.get("/v1/domains", headers=headers), 401)
    assert "revoked" in run_churn(world.root, "keys", "list").stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["create", "--name", "a", "--scope", "all"], "no scope 'all'"),
        (["create", "--name", "a", "--scope", "read", "--domain", "nope"], "no domain 'nope'"),
        (["create", "--name", " ", "--scope", "read"], "needs a name"),
        (["revoke", "nobody"], "No active key"),
    ],
)
def test_keys_that_cannot_be_are_refused_in_words(home, run_churn, arguments, words):
    done = run_churn(home.root, "keys", *arguments)
    assert done.returncode == 1
    assert words in " ".join(done.stderr.split())


# API3 broken object property level authorization
def test_nothing_but_the_described_columns_comes_out(api):
    schemas = api.get("/openapi.json").json()["components"]["schemas"]
    items = api.get("/v1/domains").json()["items"]
    domain = next(item for item in items if item["run_id"])
    assert "live_settings" not in domain
    customer = api.get(f"/v1/{domain['domain']}/customers?limit=1").json()["items"][0]
    assert set(customer) == set(schemas["ListedCustomer"]["properties"])
    answer = api.customer(domain["domain"], customer["customer_id"]).json()
    assert set(answer) == set(schemas["Customer"]["properties"])
    assert set(answer["risk"]) == set(schemas["Risk"]["properties"])


def test_what_a_body_may_not_set_is_refused(world, start_api):
    api = start_api(world, "write")
    body = {"suppressions": [SUPPRESSION["suppressions"][0] | {"added_at": "2000-01-01"}]}
    problem_of(api.post("/v1/bench/suppressions", json=body), 422)
    body = SUPPRESSION | {"domain": "other"}
    problem_of(api.post("/v1/bench/suppressions", json=body), 422)


# API4 unrestricted resource consumption, API6 sensitive business flows
def test_pages_bodies_and_rows_have_a_bound(made_world, start_api):
    document = start_api(made_world).client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["name"] == "limit":
                    assert parameter["schema"]["maximum"] <= 5_000, path
    for name in ("Suppressions", "Contacts"):
        (rows,) = document["components"]["schemas"][name]["properties"].values()
        assert rows["maxItems"] == 1_000


def test_a_body_may_be_large_where_it_is_told_and_nowhere_else(world, start_api):
    api = start_api(world, "read", "predict", "write", body_limit=1_000)
    large = {"content": b"x" * 2_000, "headers": {"Content-Type": "application/json"}}
    for method, path in (
        ("PUT", "/v1/bench/audiences/x/batch-predictions"),
        ("PUT", "/v1/bench/predictions"),
        ("POST", "/v1/bench/x/predictions"),
        ("POST", "/v1/bench/plans"),
    ):
        problem_of(checked(api.client.request(method, path, **large)), 413, "content-too-large")
    problem_of(api.post("/v1/bench/predictions", **large), 400)


class Gated:
    """The gate before an app that answers when it may, and how many it has let in."""

    def __init__(self, scopes=("predict",)):
        principal = Principal("1", "test", frozenset(scopes), frozenset())
        keys = SimpleNamespace(find=lambda token: principal)
        self.gate = GateMiddleware(self.answer, keys, ApiSettings())
        self.inside, self.most, self.may_go = 0, 0, asyncio.Event()

    async def answer(self, scope, receive, send):
        await receive()
        self.inside += 1
        self.most = max(self.most, self.inside)
        await self.may_go.wait()
        self.inside -= 1
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def ask(self, path):
        """Status and how often the body was read."""
        sent, read = [], []

        async def receive():
            read.append(1)
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message):
            sent.append(message)

        await self.gate(self.scope(path), receive, send)
        return sent[0]["status"], len(read)

    def scope(self, path):
        return {
            "type": "http",
            "method": "POST",
            "path": path,
            "client": None,
            "headers": [(b"x-api-key", b"k")],
        }


def test_large_bodies_are_read_a_few_at_a_time(monkeypatch):
    monkeypatch.setattr("app.api.access.gate._PATIENCE", 0.2)

    async def ask_all():
        gated = Gated()
        asked = [asyncio.create_task(gated.ask("/v1/d/predictions")) for _ in range(6)]
        await asyncio.wait(asked[4:])
        # another kind of request does not wait for them
        other = asyncio.create_task(gated.ask("/v1/d/batch-predictions"))
        await asyncio.sleep(0)
        gated.may_go.set()
        return gated.most, [await task for task in asked], await other

    most, answers, other = asyncio.run(ask_all())
    assert most <= 5
    assert answers == [(200, 1)] * 4 + [(503, 0)] * 2
    assert other == (200, 1)


def test_a_large_body_of_a_key_that_may_not_send_it_is_not_read():
    for path in ("/v1/d/predictions", "/v1/d/batch-predictions"):
        assert asyncio.run(Gated(scopes=["read"]).ask(path)) == (403, 0)


def test_the_gate_and_the_routes_mean_the_same_paths():
    # a route's pattern ends before a newline as well
    assert asyncio.run(Gated(scopes=["read"]).ask("/v1/d/predictions\n")) == (403, 0)


def test_who_sends_too_slowly_loses_the_turn(monkeypatch):
    monkeypatch.setattr("app.api.access.gate._GRACE", 0.05)
    monkeypatch.setattr("app.api.access.gate._SLOWEST", 10)

    async def slow():
        gated = Gated()
        gated.may_go.set()
        scope = gated.scope("/v1/d/predictions")
        parts = iter([{"type": "http.request", "body": b"{", "more_body": True}])

        async def receive():
            for part in parts:
                return part
            return await asyncio.Event().wait()

        async def read_on(scope, receive, send):
            while (await receive()).get("more_body"):
                pass

        async def send(message):
            raise AssertionError(message)

        gated.gate.app = read_on
        for _ in range(9):
            with pytest.raises(HTTPException) as refused:
                await gated.gate(scope, receive, send)
            assert refused.value.status_code == 408
        gated.gate.app = gated.answer
        return await gated.ask("/v1/d/predictions")

    assert asyncio.run(slow()) == (200, 1)


def test_keys_are_read_without_waiting_for_a_connection(world, start_api, monkeypatch):
    api = start_api(world, "read")
    api.get("/v1/domains")
    other = api.new_key("read")

    def wait():
        raise AssertionError("on the event loop")

    monkeypatch.setattr(api.services.store, "reading", wait)
    answer = api.client.get("/v1/domains", headers={"X-API-Key": other})
    assert answer.status_code == 200


def test_who_waits_for_the_first_of_equal_requests_holds_up_nobody(world, start_api, monkeypatch):
    monkeypatch.setattr("app.api.dependencies._WAIT_SECONDS", 3)
    api = start_api(world, "read", "write", at_once=100)
    headers = {"Idempotency-Key": "one"}
    api.post("/v1/bench/contacts", json=CONTACT, headers=headers)
    with api.services.store.writing() as connection:
        connection.execute(sa.update(ANSWERS).values(status=None))
    ended = []

    def post(_):
        answer = api.post("/v1/bench/contacts", json=CONTACT, headers=headers)
        ended.append(answer.status_code)

    # more than there are threads for requests
    with ThreadPoolExecutor(60) as pool:
        waiting = pool.map(post, range(60))
        until = time.monotonic() + 1
        while time.monotonic() < until:
            assert api.get("/v1/bench/drivers").status_code == 200
        assert ended == []
        list(waiting)
    assert ended == [409] * 60


def test_every_kind_of_request_is_limited(world, start_api):
    api = start_api(world, *SCOPES, rate_limit="1/minute", write_limit="1/minute")
    for scope in NEEDS:
        for method, path, body in NEEDS[scope]:
            answer = api.client.request(method, path, json=body)
    assert answer.status_code == 429
    problem_of(api.post("/v1/bench/contacts", json=CONTACT), 429)


# API5 broken function level authorization
@pytest.mark.parametrize("scope", SCOPES)
def test_keys_of_one_scope_cannot_do_anothers(world, start_api, scope):
    api = start_api(world, scope)
    for needed, requests in NEEDS.items():
        for method, path, body in requests:
            answer = checked(api.client.request(method, path, json=body))
            if needed == scope:
                assert answer.status_code not in (401, 403), f"{method} {path}"
            else:
                problem = problem_of(answer, 403, "scope-missing")
                assert problem["required"] == needed


def test_every_route_needs_a_scope_that_is_tested(made_world, start_api):
    api = start_api(made_world)
    tested = {
        (method, path.partition("?")[0])
        for requests in NEEDS.values()
        for method, path, _ in requests
    }
    document = api.client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            if path in OPEN:
                assert "security" not in operation
                continue
            (asked,) = [s for need in operation["security"] for s in need.values()]
            assert len(asked) == 1, f"{method} {path} needs {asked}"
            if asked == ["predict"]:
                continue  # tested where predictions are
            asked_for = re.sub(r"/\{\w+\}(?=/|$)", "/x", path.replace("{domain}", "bench"))
            assert (method.upper(), asked_for) in tested


# API7 server-side request forgery
def test_no_address_is_taken_from_a_request(made_world, start_api):
    document = start_api(made_world).client.get("/openapi.json").json()
    assert not re.search(
        r'"(uri|url|callback\w*|webhook\w*|host)"', str(document).replace("'", '"')
    )


def test_names_of_files_and_sql_are_only_text(world, start_api):
    api = start_api(world, "read", "write")
    for text in (
        "../../state.sqlite",
        "/etc/passwd",
        "x' or '1'='1",
        "x; drop table customers",
        "%2e%2e%2fstate.sqlite",
    ):
        problem_of(api.get(f"/v1/bench/customers/{text}"), 404)
        assert api.get("/v1/bench/customers", params={"theme": text}).status_code == 422
    import base64
    import json

    for name in ("../state", "/etc/passwd", "churn_20260101T000000000000_00000000/../x"):
        forged = base64.urlsafe_b64encode(json.dumps(["x", [1], name]).encode()).decode()
        problem_of(api.get(f"/v1/bench/customers?cursor={forged.rstrip('=')}"), 410)


# API8 security misconfiguration
def test_answers_tell_nothing_of_the_machine(world, start_api):
    api = start_api(world, "read")
    answer = api.client.get("/v1/domains", headers={"Origin": "https://elsewhere.example"})
    assert "access-control-allow-origin" not in answer.headers
    assert "server" not in answer.headers
    for path in ("/docs", "/redoc", "/static/x", "/.env", "/metrics"):
        assert str(world.root) not in api.client.get(path).text


def test_it_listens_on_loopback_unless_told_otherwise():
    import inspect

    from cli.api import api as command

    assert inspect.signature(command).parameters["host"].default == "127.0.0.1"


def test_the_page_of_the_api_fetches_nothing_from_elsewhere(made_world, start_api):
    api = start_api(made_world)
    page = api.client.get("/", follow_redirects=True)
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    links = re.findall(r"(?:src|href|url)[=:]\s*[\"']([^\"']+)[\"']", page.text)
    assert len(links) >= 4
    for link in links:
        assert "//" not in link
        assert api.client.get(f"/{link}").status_code == 200
    # no key is needed to read it, and none is put into it
    assert api.client.get("/v1/domains").status_code == 401


# API9 improper inventory management
def test_every_route_is_described_under_its_version(made_world, start_api):
    document = start_api(made_world).client.get("/openapi.json").json()
    for path in document["paths"]:
        assert path in OPEN or path.startswith("/v1/")


def test_no_key_is_in_the_repository():
    found = subprocess.run(
        ["git", "grep", "-nE", r"churn_[0-9a-f]{8}_[A-Za-z0-9_-]{43}"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""
