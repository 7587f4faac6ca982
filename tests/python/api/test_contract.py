"""The OpenAPI document tells every answer: a client can be written from it alone."""

import shutil

import pytest
import schemathesis
from api_client import Api
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from app.batch.worker import serve
from pipeline.project.home import Home
from pipeline.project.sources import source_tables


@pytest.fixture(scope="module")
def contract_api(api_home, tmp_path_factory):
    home = Home(tmp_path_factory.mktemp("contract") / "home")
    shutil.copytree(api_home.root, home.root, symlinks=True)
    with Api(home, "read", "predict", "write", "plan", "approve", "admin") as client:
        yield client


@pytest.fixture(scope="module")
def domain(contract_api):
    """A domain with scores."""
    items = contract_api.get("/v1/domains").json()["items"]
    return next(item["domain"] for item in items if item["run_id"])


@pytest.fixture(scope="module")
def draft(contract_api, domain):
    """A draft of a plan, and one of a campaign of the same name, that are there."""
    assert contract_api.put(f"/v1/{domain}/drafts/a draft", json={}).status_code == 200
    campaign = contract_api.put(f"/v1/{domain}/campaigns/a draft", json={"budget": 100.0})
    assert campaign.status_code == 200
    playbook = {"campaign": "a draft"}
    assert contract_api.put(f"/v1/{domain}/playbooks/a draft", json=playbook).status_code == 200
    return "a draft"


@pytest.fixture(scope="module")
def job(contract_api, domain):
    """A job that is done; uploads of a row that is refused, so that it has every file."""
    row = contract_api.get("/openapi.json").json()["paths"]["/v1/{domain}/predictions"]["post"]
    example = row["requestBody"]["content"]["application/json"]["examples"][domain]["value"]
    ((table, rows),) = [
        item for item in example["customers"][0].items() if item[0] != "customer_id"
    ][:1]
    owner = next(t for t in source_tables(domain) if t.name == table)
    good = {owner.id_column: "c", **rows[0]}
    bad = {**good, str(owner.event_time): "never"}
    lines = [",".join(good), *(",".join(map(str, each.values())) for each in (good, bad))]
    name = owner.files[0].replace("*", "rows")
    answer = contract_api.client.post(
        f"/v1/{domain}/batch-predictions",
        files=[("files", (name, "\n".join(lines).encode()))],
    )
    assert answer.status_code == 202, answer.text
    serve(contract_api.home, idle_seconds=0.01)
    wait = contract_api.get(answer.headers["Location"]).json()
    assert wait["status"] == "done", wait
    return answer.json()["job_id"]


@pytest.fixture(scope="module")
def customers(contract_api, domain):
    page = contract_api.get(f"/v1/{domain}/customers?limit=300").json()
    return [row["customer_id"] for row in page["items"]]


CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    unsupported_method,
]


# the plugin of schemathesis does not know this pytest, so its strategies are run here
@pytest.mark.parametrize("mode", list(GenerationMode))
def test_no_server_error_and_no_undocumented_answer(
    contract_api, domain, customers, job, draft, mode
):
    schema = schemathesis.openapi.from_asgi("/openapi.json", contract_api.app)
    operations = [result.ok() for result in schema.get_all_operations()]
    assert len(operations) >= 17
    for operation in operations:
        statuses = statuses_of(operation, contract_api.key, domain, customers, job, draft, mode)
        # a list has an answer for what is right
        if mode is GenerationMode.POSITIVE and operation.method == "get":
            assert 200 in statuses, operation.label


def statuses_of(operation, key, domain, customers, job, draft, mode):
    """Send generated requests to one operation, check each answer, return what was answered."""
    statuses = set()
    is_draft = operation.path.endswith("/drafts/{name}") and operation.method == "put"
    plans = is_draft or operation.path.endswith(("/plans", "/preview", "/launch"))

    @settings(
        # a plan takes a second
        max_examples=3 if plans else 8,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), place=st.integers(0, 299))
    def send(case, place):
        # a made-up domain is answered before anything else is looked at
        if "domain" in case.path_parameters and place % 5:
            case.path_parameters["domain"] = domain
        if "customer_id" in case.path_parameters and place % 2:
            case.path_parameters["customer_id"] = customers[place]
        if "job_id" in case.path_parameters and place % 2 and case.method != "DELETE":
            case.path_parameters["job_id"] = job
        is_named = any(
            part in operation.path for part in ("/drafts/", "/campaigns/", "/playbooks/")
        )
        if is_named and place % 2 and case.method != "DELETE":
            case.path_parameters["name"] = draft
        answer = case.call_and_validate(headers={"X-API-Key": key}, checks=CHECKS)
        statuses.add(answer.status_code)

    try:
        send()
    except Unsatisfiable:
        # nothing about this operation can be sent wrong
        assert mode is GenerationMode.NEGATIVE
    return statuses


def test_every_answer_is_as_described(contract_api, domain, customers):
    document = contract_api.client.get("/openapi.json").json()
    for path, operations in document["paths"].items():
        if "get" not in operations:
            continue
        url = path.replace("{domain}", domain).replace("{customer_id}", customers[0])
        answer = contract_api.client.get(url)
        told = operations["get"]["responses"][str(answer.status_code)]["content"]
        schema = told[answer.headers["content-type"]]["schema"]
        validator = Draft202012Validator({**schema, "components": document["components"]})
        assert list(validator.iter_errors(answer.json())) == [], path


def test_every_problem_and_header_is_told(contract_api, domain):
    document = contract_api.client.get("/openapi.json").json()
    tagged = 0
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            parameters = {one["name"] for one in operation.get("parameters", ())}
            answers, where = operation["responses"], f"{method} {path}"
            for status, answer in answers.items():
                if int(status) >= 400 and path != "/readyz":
                    assert list(answer["content"]) == ["application/problem+json"], where
            if path.startswith("/v1/"):
                assert "RateLimit-Limit" not in answers["500"]["headers"], where
            assert ("Idempotency-Key" in parameters) <= ("409" in answers), where
            assert ("304" in answers) == ("If-None-Match" in parameters), where
            if method == "get" and path.startswith("/v1/{domain}/") and "{" not in path[13:]:
                answer = contract_api.get(path.replace("{domain}", domain))
                assert ("etag" in answer.headers) == ("304" in answers), where
                tagged += "etag" in answer.headers
    assert tagged >= 8


def test_every_operation_is_told_in_words(contract_api):
    document = contract_api.client.get("/openapi.json").json()
    assert document["info"]["description"]
    names = [tag["name"] for tag in document["tags"]]
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            where = f"{method} {path}"
            assert operation["summary"], where
            assert operation["description"], where
            assert set(operation["tags"]) <= set(names), where
            for parameter in operation.get("parameters", ()):
                assert parameter.get("description"), f"{where} {parameter['name']}"
            assert "422" in operation["responses"] or path in ("/healthz", "/readyz"), where


def test_every_field_of_every_schema_is_described(contract_api):
    schemas = contract_api.client.get("/openapi.json").json()["components"]["schemas"]
    bare = [
        f"{name}.{field}"
        for name, schema in schemas.items()
        for field, told in schema.get("properties", {}).items()
        if not told.get("description")
        and "$ref" not in str(told)
        and "const" not in told
        and name != "Check"
    ]
    assert bare == []


def test_lists_answer_items_and_next_cursor_and_say_where_they_are_from(contract_api):
    document = contract_api.client.get("/openapi.json").json()
    schemas = document["components"]["schemas"]
    lists = 0
    for path, operations in document["paths"].items():
        for operation in operations.values():
            content = operation["responses"].get("200", {}).get("content", {})
            reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            properties = schemas.get(reference.rsplit("/", 1)[-1], {}).get("properties", {})
            if path.startswith("/v1/"):
                for name in ("as_of_date", "model_version", "generation"):
                    # files tell it in every row
                    assert name in properties or "application/json" not in content, path
            if "cursor" in str(operation.get("parameters")):
                assert {"items", "next_cursor"} <= set(properties), path
                lists += 1
    assert lists >= 11
