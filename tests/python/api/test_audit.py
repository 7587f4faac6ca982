"""Who decided what is kept with every decision, and with none that changed nothing."""

import pytest

from app.api.dependencies import PERSON


@pytest.fixture
def writer(world, start_api):
    return start_api(world, "read", "write")


def decided(api):
    return [
        (row["decided_by"].partition(" (")[0], row["what"], row["subject"])
        for row in api.items("/v1/bench/audit?limit=2")
    ]


def test_every_decision_is_kept_with_its_author_the_newest_first(writer):
    marks = {"suppressions": [{"customer_id": one, "reason": "asked"} for one in "abcd"]}
    writer.post("/v1/bench/suppressions", json=marks, headers={PERSON: "Ada"})
    writer.delete("/v1/bench/suppressions/b", headers={PERSON: "Ada"})
    contact = {"contacts": [{"customer_id": "x", "contacted_on": "2024-01-02"}]}
    writer.post("/v1/bench/contacts", json=contact, headers={PERSON: "Bo"})
    writer.put("/v1/bench/audiences/worth a call", json={"filter": {}}, headers={PERSON: "Bo"})
    writer.delete("/v1/bench/audiences/worth a call", headers={PERSON: "Bo"})
    assert decided(writer) == [
        ("Bo", "deleted an audience", "worth a call"),
        ("Bo", "saved an audience", "worth a call"),
        ("Bo", "reported contacts", "x"),
        ("Ada", "lifted do-not-contact", "b"),
        ("Ada", "marked do-not-contact", "4 customers"),
    ]


def test_what_changed_nothing_is_not_in_it(writer):
    writer.delete("/v1/bench/suppressions/nobody")
    writer.delete("/v1/bench/audiences/none")
    refused = {"suppressions": [{"customer_id": "a", "reason": "=1+1"}]}
    assert writer.post("/v1/bench/suppressions", json=refused).status_code == 422
    assert decided(writer) == []


def test_a_repeated_request_is_one_decision(writer):
    body = {"suppressions": [{"customer_id": "a", "reason": "asked"}]}
    for _ in range(2):
        writer.post("/v1/bench/suppressions", json=body, headers={"Idempotency-Key": "k" * 16})
    assert len(decided(writer)) == 1
