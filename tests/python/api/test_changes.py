"""Whoever follows the API while generations are published misses nothing and mixes nothing."""

import threading
from datetime import datetime, timedelta

import duckdb
import pytest
from api_client import problem_of

from benchmarks.api import load_through_publishes, mixed, publish_next
from pipeline.publish.generation import current


def follow(api, since=None, at_page=None):
    """Pull changes to the last page; `at_page` is called after each page."""
    rows, cursor = [], None
    while True:
        params = {"limit": 40, "updated_since": since, "cursor": cursor}
        page = api.get(
            "/v1/crm-changes", params={k: v for k, v in params.items() if v is not None}
        ).json()
        rows += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return rows, page["updated_until"]
        assert page["updated_until"] is None
        if at_page is not None:
            at_page(len(rows))


class Crm:
    """Publishes CRM rows as the warehouse would: only changed ones get a new time."""

    def __init__(self, home, api):
        self.home, self.api, self.number = home, api, 0

    def publish(self, *changes):
        self.number += 1
        with (
            duckdb.connect(str(self.home.warehouse)) as connection,
            duckdb.connect(str(current(self.home).path), read_only=True) as published,
        ):
            rows = published.sql("from serving.crm_churn_actions").arrow()
            connection.register("published", rows)
            connection.execute(
                "create or replace table serving.crm_churn_actions as from published"
            )
            for change in changes:
                connection.execute(
                    f"update serving.crm_churn_actions set updated_at = null, {change}"
                )
        publish_next(self.home, self.number)
        self.api.services.reader.refresh()

    def rows(self):
        found = self.api.rows("select crm_key, row_hash, is_deleted from serving.crm_churn_actions")
        return {row["crm_key"]: (row["row_hash"], row["is_deleted"]) for row in found}


@pytest.fixture
def crm(world, start_api):
    with duckdb.connect(str(world.warehouse)) as connection:
        connection.execute(
            "update serving.crm_churn_actions set crm_key = domain || ':' || customer_id, "
            "first_seen_at = null, updated_at = null"
        )
    api = start_api(world, "read")
    publish_next(world, 0)
    api.services.reader.refresh()
    return Crm(world, api)


def copied(rows):
    """A copy of the table as a sync keeps it: the last word about each key."""
    return {row["crm_key"]: (row["row_hash"], row["is_deleted"]) for row in rows}


def test_the_first_sync_gets_everything_and_the_next_only_what_changed(crm):
    rows, until = follow(crm.api)
    assert copied(rows) == crm.rows()
    assert len(rows) == 300
    assert follow(crm.api, until) == ([], until)
    crm.publish(
        "row_hash = 'changed' where crm_key like '%a%'",
        "row_hash = 'gone', is_deleted = true where crm_key like '%7%' and crm_key like '%b%'",
    )
    changed, later = follow(crm.api, until)
    assert 0 < len(changed) < 300
    assert later > until
    assert any(row["is_deleted"] for row in changed)
    assert copied(rows) | copied(changed) == crm.rows()
    assert len(changed) == len(copied(changed))
    assert {row["updated_at"] for row in changed} == {later}


def test_no_change_is_lost_when_generations_are_published_between_pages(crm):
    changes = iter(
        [
            "row_hash = 'one' where crm_key like '%a%'",
            "row_hash = 'two' where crm_key like '%b%'",
            "is_deleted = true, row_hash = 'three' where crm_key like '%c%'",
        ]
    )

    def publish(_):
        change = next(changes, None)
        if change:
            crm.publish(change)

    rows, until = follow(crm.api, at_page=publish)
    assert next(changes, None) is None
    assert copied(rows) == crm.rows()
    assert follow(crm.api, until)[0] == []
    # in the order in which they changed, so a row that changed again comes again at the end
    places = [(row["updated_at"], row["domain"], row["customer_id"]) for row in rows]
    assert places == sorted(places)


def test_a_moment_is_exclusive_to_the_microsecond(crm):
    (row,) = crm.api.rows("select max(updated_at) as at from serving.crm_churn_actions")
    assert follow(crm.api, row["at"].isoformat())[0] == []
    before = row["at"] - timedelta(microseconds=1)
    assert len(follow(crm.api, before.isoformat())[0]) == 300
    # the same moment told in another zone
    zoned = (before + timedelta(hours=2)).isoformat() + "+02:00"
    assert len(follow(crm.api, zoned)[0]) == 300


@pytest.mark.parametrize("moment", ["yesterday", "2026-13-01", "12", ""])
def test_a_wrong_moment_is_named(crm, moment):
    answer = crm.api.get("/v1/crm-changes", params={"updated_since": moment})
    assert "updated_since" in str(problem_of(answer, 422)["errors"])


def test_a_plus_that_the_address_lost_is_named(crm):
    answer = crm.api.get("/v1/crm-changes?updated_since=2026-11-22T19:57:58.101394+02:00")
    assert "%2B" in str(problem_of(answer, 422)["errors"])
    # a space before the time is another way to write a moment
    assert crm.api.get("/v1/crm-changes?updated_since=2026-11-22 19:57").status_code == 200


def test_held_out_and_suppressed_customers_carry_no_action(api):
    for row in api.items("/v1/crm-changes?limit=5000"):
        if row["holdout_flag"] or row["is_suppressed"] or row["is_deleted"]:
            assert row["recommended_action"] is None
        assert datetime.fromisoformat(row["updated_at"]).tzinfo is not None


def test_pages_stay_in_their_generation_while_it_is_kept(world, start_api):
    api = start_api(world, "read")
    first = api.get("/v1/bench/customers?limit=100").json()
    publish_next(world, 1)
    api.services.reader.refresh()
    second = api.get(f"/v1/bench/customers?limit=100&cursor={first['next_cursor']}").json()
    assert second["generation"] == first["generation"]
    assert second["model_version"] == first["model_version"] == "run 0"
    assert api.get("/v1/bench/customers").json()["model_version"] == "run 1"
    for number in (2, 3, 4):
        publish_next(world, number)
        api.services.reader.refresh()
    # an open file would still be readable; a restarted API could not go on, so nobody does
    gone = api.get(f"/v1/bench/customers?cursor={second['next_cursor']}")
    problem_of(gone, 410, "cursor-expired")


def test_a_new_generation_is_followed_without_being_asked(world, start_api):
    api = start_api(world, "read", follow_seconds=0.02)
    assert api.get("/v1/domains").json()["model_version"] == {"bench": "run 0", "idle": None}
    publish_next(world, 1)
    found = threading.Event()
    for _ in range(200):
        if api.get("/v1/domains").json()["model_version"] == {"bench": "run 1", "idle": None}:
            found.set()
            break
        found.wait(0.02)
    assert found.is_set()


def test_a_generation_that_cannot_be_opened_is_told_once(world, start_api, monkeypatch):
    api = start_api(world, "read", follow_seconds=0.01)
    before = api.get("/v1/domains").json()["generation"]
    monkeypatch.setattr("app.api.published.generation._open", lambda path: 1 / 0)
    for number in (1, 2):
        publish_next(world, number)
        seen = api.services.reader.refresh
        for _ in range(20):
            with pytest.raises(ZeroDivisionError):
                seen()
            threading.Event().wait(0.01)
    assert api.get("/v1/domains").json()["generation"] == before
    told = [line for line in api.lines() if line["event"] == "generation_not_opened"]
    assert len(told) == 2


def test_an_answer_of_two_generations_would_be_noticed(world, start_api):
    api = start_api(world, "read")
    (row,) = api.rows("select min(customer_id) as id from serving.bi_churn_risk")
    answer = api.customer("bench", row["id"]).json()
    assert mixed(answer) is None
    answer["reasons"][3]["sentence"] = "run 1"
    assert "run 1" in mixed(answer)


@pytest.mark.slow
def test_look_ups_meet_no_error_and_no_mixture_through_ten_publishes(world):
    load, published = load_through_publishes(world, 10)
    assert load.errors == []
    assert load.faults == []
    assert published == 10
    assert len(load.milliseconds) > 300
