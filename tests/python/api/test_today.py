"""What people decide now is in the next answer: a suppressed customer has no action at once."""

from urllib.parse import quote

import pytest

REASON = "asked not to be contacted"


@pytest.fixture
def api(demo_copy, start_api):
    return start_api(demo_copy, "read", "write")


@pytest.fixture
def customer(api):
    """A domain and a customer to be contacted."""
    (row,) = api.rows(
        "select domain, customer_id from serving.bi_churn_actions where decision = 'treat' "
        "order by all limit 1"
    )
    return row["domain"], row["customer_id"]


def suppress(api, domain, customer_id):
    body = {"suppressions": [{"customer_id": customer_id, "reason": REASON}]}
    answer = api.post(f"/v1/{domain}/suppressions", json=body)
    assert answer.status_code == 201
    assert answer.json()["unknown"] == 0


def changes(api, since):
    page = api.get("/v1/crm-changes", params={"updated_since": since, "limit": 5000}).json()
    assert page["next_cursor"] is None
    return page["items"], page["updated_until"]


def action(api, domain, customer_id):
    return api.customer(domain, customer_id).json()["recommendation"]


def left(plan, reason):
    return sum(row["customers"] for row in plan["items"] if row["reason"] == reason)


def test_a_suppression_of_today_is_in_the_next_answer(api, customer):
    domain, customer_id = customer
    before = action(api, domain, customer_id)
    assert before["decision"] == "treat"
    page = api.get("/v1/crm-changes", params={"limit": 5000})
    while page.json()["next_cursor"]:
        cursor = page.json()["next_cursor"]
        page = api.get("/v1/crm-changes", params={"limit": 5000, "cursor": cursor})
    since = page.json()["updated_until"]
    url = f"/v1/{domain}/customers?decision=treat&limit=500"
    treated = {row["customer_id"] for row in api.items(url)}
    listed = api.get(url)
    trial = api.post(f"/v1/{domain}/plans", json={}).json()
    assert customer_id in treated

    suppress(api, domain, customer_id)
    now = action(api, domain, customer_id)
    assert now["decision"] == "leave" and now["reason"] == "suppressed"
    assert now["reason_words"] == f"Marked do-not-contact: {REASON}"
    assert now["is_suppressed"] and now["suppression_reason"] == REASON
    assert now["planned_action"] is now["channel"] is now["expected_profit"] is None
    assert now.keys() == before.keys()
    assert {row["customer_id"] for row in api.items(url)} == treated - {customer_id}
    (row,) = [
        row
        for row in api.items(f"/v1/{domain}/customers?limit=500")
        if row["customer_id"] == customer_id
    ]
    assert row["reason"] == "suppressed" and row["planned_action"] is None
    # an answer that was kept is not the same any more
    again = api.get(url, headers={"If-None-Match": listed.headers["etag"]})
    assert again.status_code == 200
    plan = api.post(f"/v1/{domain}/plans", json={}).json()
    assert left(plan, "suppressed") == left(trial, "suppressed") + 1
    assert plan["customers"] == trial["customers"]

    # the sync gets the customer once
    (change,), until = changes(api, since)
    assert (change["domain"], change["customer_id"]) == customer
    assert change["is_suppressed"] and change["suppression_reason"] == REASON
    assert change["recommended_action"] is change["channel"] is None
    assert change["action_title"] is change["message_hint"] is change["profit_to_contact"] is None
    assert (change["decision"], change["decision_title"]) == ("leave", "Not contacted")
    assert change["reason_words"] == f"Marked do-not-contact: {REASON}"
    assert change["updated_at"] == until > since
    assert changes(api, until) == ([], until)

    # and once more when it is lifted
    api.delete(f"/v1/{domain}/suppressions/{quote(customer_id, safe='')}")
    (change,), last = changes(api, until)
    assert not change["is_suppressed"] and change["suppression_reason"] is None
    assert changes(api, last) == ([], last)
    assert action(api, domain, customer_id) == before


def test_a_contact_of_tomorrow_and_what_is_no_id_are_refused(api, customer, monkeypatch):
    domain, customer_id = customer
    monkeypatch.setenv("CHURN_TODAY", "2020-05-10")
    for day, status in (("2020-05-10", 201), ("2020-05-11", 422), ("0001-01-01", 422)):
        body = {"contacts": [{"customer_id": customer_id, "contacted_on": day}]}
        assert api.post(f"/v1/{domain}/contacts", json=body).status_code == status
    body = {"suppressions": [{"customer_id": "1.5E+18", "reason": REASON}]}
    refused = api.post(f"/v1/{domain}/suppressions", json=body)
    assert refused.status_code == 422
    assert "scientific spelling" in refused.text


def test_ids_of_a_request_have_one_spelling_and_unknown_ones_are_counted(api):
    body = {
        "suppressions": [
            {"customer_id": " nobody.0 ", "reason": REASON},
            {"customer_id": "77777.0", "reason": REASON},
        ]
    }
    answer = api.post("/v1/ecommerce/suppressions", json=body)
    assert answer.status_code == 201 and answer.json()["unknown"] == 2
    kept = {row["customer_id"] for row in api.items("/v1/ecommerce/suppressions")}
    assert kept == {"nobody.0", "77777"}
