"""What spans domains answers when one of them has no scores; what is of that one says so."""

import duckdb
import pytest
from api_client import problem_of

from pipeline.project.domains import domain_entries
from pipeline.publish.generation import publish
from pipeline.retention import decisions


def without_scores(api):
    """The domains that are set up and have no scores."""
    sql = "select domain from serving.bi_domains where run_id is null"
    return [row["domain"] for row in api.rows(sql)]


def operations(api):
    """Every operation under a domain: method and path with the placeholders filled."""
    for path, methods in api.get("/openapi.json").json()["paths"].items():
        if path.startswith("/v1/{domain}"):
            for method in methods:
                yield (
                    method.upper(),
                    path.replace("{customer_id}", "x")
                    .replace("{name}", "x")
                    .replace("{job_id}", "0" * 32),
                )


def test_every_list_across_domains_answers_and_says_which_have_scores(api):
    scored = {
        row["domain"] for row in api.rows("select distinct domain from serving.bi_churn_risk")
    }
    for path in ("domains", "models", "crm-changes", "codes"):
        answer = api.get(f"/v1/{path}").json()
        assert set(answer["as_of_date"]) == set(answer["model_version"]) == set(domain_entries())
        for told in (answer["as_of_date"], answer["model_version"]):
            assert {domain for domain, value in told.items() if value is not None} == scored
    assert {row["domain"] for row in api.items("/v1/crm-changes?limit=5000")} == scored
    for domain in without_scores(api):
        for path in ("crm-changes", "models"):
            answer = api.get(f"/v1/{path}?domain={domain}").json()
            assert (answer["items"], answer["as_of_date"]) == ([], {domain: None})


def test_a_domain_without_scores_says_so_at_every_route(world, start_api):
    api = start_api(world, "read", "predict", "write", "plan", "approve")
    (domain,) = without_scores(api)
    asked = [(method, path.replace("{domain}", domain)) for method, path in operations(api)]
    assert len(asked) >= 20
    assert {method for method, _ in asked} == {"GET", "POST", "PUT", "DELETE"}
    for method, path in asked:
        answer = api.client.request(method, path, json=None if method == "GET" else {})
        problem = problem_of(answer, 404, "domain-not-published")
        assert f"churn run --domain {domain}" in problem["detail"], path
        assert problem["allowed"] == ["bench"], path
    for table in (decisions.CONTACTS, decisions.SUPPRESSIONS):
        assert decisions.read_state(world, table) == []


def test_a_key_for_another_domain_does_not_learn_that_it_has_no_scores(world, start_api):
    api = start_api(world, "read", domains=["bench"])
    problem_of(api.get("/v1/idle/customers"), 403, "domain-not-allowed")
    assert list(api.get("/v1/domains").json()["as_of_date"]) == ["bench"]


@pytest.fixture
def removed(world):
    """The generated world after its only scored domain was removed from the platform."""
    with duckdb.connect(str(world.warehouse)) as connection:
        connection.execute(
            "update serving.crm_churn_actions set is_deleted = true, updated_at = null; "
            "delete from serving.bi_domains where domain = 'bench'"
        )
    publish(world, "abc")
    return world


def test_a_domain_that_was_removed_is_told_to_a_sync(removed, start_api):
    api = start_api(removed, "read")
    for path in ("/v1/crm-changes?limit=70", "/v1/crm-changes?limit=70&domain=bench"):
        rows = api.items(path)
        assert len({row["customer_id"] for row in rows}) == len(rows) == 300
        assert all(row["is_deleted"] for row in rows)
    assert api.get("/v1/crm-changes").json()["as_of_date"] == {"bench": None, "idle": None}
    mine = start_api(removed, "read", domains=["bench"])
    assert len(mine.items("/v1/crm-changes")) == 300
    other = start_api(removed, "read", domains=["idle"])
    assert other.items("/v1/crm-changes") == []
    assert [item["domain"] for item in api.get("/v1/domains").json()["items"]] == ["idle"]


def test_a_domain_that_was_removed_says_so_at_every_route(removed, start_api):
    api = start_api(removed, "read", "predict", "write", "plan", "approve")
    for method, path in operations(api):
        path = path.replace("{domain}", "bench")
        answer = api.client.request(method, path, json=None if method == "GET" else {})
        detail = problem_of(answer, 404, "domain-not-published")["detail"]
        assert "/v1/crm-changes" in detail, path
