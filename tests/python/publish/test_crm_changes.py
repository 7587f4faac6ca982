"""The CRM table tells what changed since the published generation, and nothing else."""

import csv
from datetime import datetime, timedelta

import duckdb
import pytest

from pipeline.project.home import Home
from pipeline.publish import generation as publish
from pipeline.retention import decisions
from pipeline.retention.exports import export_decisions

UNHASHED = ("model_version", "scored_at", "first_seen_at", "updated_at", "deleted_at")


@pytest.fixture(scope="module")
def crm(demo, tmp_path_factory):
    """A copy of the published demo whose CRM table can be made and published again."""
    return Crm(demo[0], Home(tmp_path_factory.mktemp("crm") / "copy"))


class Crm:
    """Publishes again and again, by the SQL that dbt compiled."""

    def __init__(self, demo, home):
        home.published.mkdir(parents=True)
        self.home, self.count = home, 0
        (self.sql,) = [
            path.read_text()
            for path in (demo.dbt_target / "compiled").rglob("crm_churn_actions.sql")
        ]
        with duckdb.connect(str(home.warehouse)) as connection:
            connection.execute(f"attach '{demo.warehouse}' as demo (read_only)")
            connection.execute("create schema churn; create schema serving; create schema control")
            connection.execute(
                "create table control.control__identities "
                "as from demo.control.control__identities limit 0"
            )
            connection.execute(
                "create table churn.fct_churn_actions as from demo.churn.fct_churn_actions"
            )
            connection.execute(
                "create table churn.int_churn__last_scored_days_found "
                "(domain varchar, customer_id varchar, last_scored_as_of_date date); "
                "create table churn.int_churn__departures_doubted "
                "(domain varchar, last_missing_day date); "
                "create table churn.stg_churn__suppressions (domain varchar, "
                "customer_id varchar, suppression_reason varchar, added_at timestamp)"
            )
        self.publish()

    def publish(self, *changes):
        """Change the decisions, make the table, publish it; return its rows by key."""
        export_decisions(self.home)
        path = self.home.state_export / "published_actions.parquet"
        columns = (
            "null::varchar as crm_key, null::varchar as domain, null::varchar as customer_id, "
            "null::double as risk_score, null::varchar as risk_band, "
            "null::varchar as driver_group_1, null::varchar as driver_group_2, "
            "null::varchar as driver_group_3, null::date as due_on, "
            "null::varchar as recommended_action, null::varchar as channel, "
            "null::boolean as is_suppressed, null::varchar as suppression_reason, "
            "false as is_overlaid, "
            "null::boolean as holdout_flag, null::varchar as model_version, "
            "null::timestamp as scored_at, null::timestamp as first_seen_at, "
            "null::timestamp as updated_at, null::varchar as row_hash, "
            "null::boolean as is_deleted, null::timestamp as deleted_at, "
            "null::varchar as deleted_reason where false"
        )
        rows = f"from read_parquet('{path}')" if path.exists() else f"select {columns}"
        with duckdb.connect(str(self.home.warehouse)) as connection:
            connection.execute(
                f"create or replace view churn.stg_churn__published_actions as {rows}"
            )
            for change in changes:
                connection.execute(change)
            connection.execute(f"create or replace table serving.crm_churn_actions as {self.sql}")
        self.count += 1
        self.generation = publish.publish(self.home, f"{self.count}")
        return self.rows()

    def rows(self):
        with duckdb.connect(str(self.generation.path), read_only=True) as connection:
            found = connection.sql("from serving.crm_churn_actions")
            return {row[0]: dict(zip(found.columns, row, strict=True)) for row in found.fetchall()}

    def first(self, where="true"):
        """Key, domain and id of a customer."""
        with duckdb.connect(str(self.home.warehouse), read_only=True) as connection:
            return connection.execute(
                "select domain || ':' || customer_id, domain, customer_id "
                f"from churn.fct_churn_actions where {where} order by all limit 1"
            ).fetchone()


def changed(before, after):
    return {key for key in after if after[key] != before.get(key)}


def stamped(before, after):
    """Rows with another time than before."""
    return {
        key
        for key in after
        if key not in before or after[key]["updated_at"] != before[key]["updated_at"]
    }


def test_every_scored_customer_is_there_once_with_times(crm):
    rows = crm.rows()
    assert len(rows) > 1_000
    assert all(key == f"{row['domain']}:{row['customer_id']}" for key, row in rows.items())
    assert all(row["first_seen_at"] and row["updated_at"] for row in rows.values())
    assert not any(row["is_deleted"] for row in rows.values())
    assert {round(20 * row["risk_score"], 9) % 1 for row in rows.values()} == {0.0}


def test_two_publishes_with_unchanged_inputs_change_no_row(crm):
    before = crm.rows()
    assert changed(before, crm.publish()) == set()


def test_a_new_model_version_alone_is_no_change(crm):
    before = crm.rows()
    after = crm.publish(
        "update churn.fct_churn_actions set run_id = 'next', scored_at = scored_at + interval 1 day"
    )
    assert stamped(before, after) == set()
    assert {row["model_version"] for row in after.values()} == {"next"}
    assert all(after[key]["row_hash"] == before[key]["row_hash"] for key in after)


def test_only_a_row_whose_hashed_columns_changed_gets_a_later_time(crm):
    key, domain, customer = crm.first("decision = 'treat'")
    before = crm.rows()
    newest = max(row["updated_at"] for row in before.values())
    after = crm.publish(
        "update churn.fct_churn_actions set decision = 'leave', reason = 'beyond_budget' "
        f"where domain = '{domain}' and customer_id = '{customer}'"
    )
    assert stamped(before, after) == {key}
    assert after[key]["updated_at"] > newest
    assert after[key]["first_seen_at"] == before[key]["first_seen_at"]
    assert after[key]["recommended_action"] is None


def test_the_score_moves_only_beyond_its_step(crm):
    key, domain, customer = crm.first()
    here = f"where domain = '{domain}' and customer_id = '{customer}'"

    def score(probability):
        rows = crm.publish(
            f"update churn.fct_churn_actions set churn_probability = {probability} {here}"
        )
        return rows[key]["risk_score"]

    assert score(0.50) == 0.5
    assert score(0.534) == 0.5  # nearest is .55, still within .035
    assert score(0.536) == 0.55
    assert score(0.516) == 0.55
    assert score(0.514) == 0.5


def test_a_customer_that_is_gone_leaves_one_tombstone_and_may_come_back(crm):
    key, domain, customer = crm.first("planned_action is not null")
    here = f"where domain = '{domain}' and customer_id = '{customer}'"
    before = crm.rows()
    gone = crm.publish(
        f"create or replace table churn.kept as from churn.fct_churn_actions {here}",
        f"delete from churn.fct_churn_actions {here}",
    )
    assert stamped(before, gone) == changed(before, gone) == {key}
    row = gone[key]
    assert row["is_deleted"] and row["deleted_reason"] == "out_of_scope"
    assert row["deleted_at"] == row["updated_at"] > before[key]["updated_at"]
    assert row["recommended_action"] is row["risk_band"] is row["driver_group_1"] is None
    assert row["holdout_flag"] is row["is_suppressed"] is None, "a tombstone clears no flag"
    assert changed(gone, crm.publish()) == set(), "a tombstone stays as it is"
    back = crm.publish("insert into churn.fct_churn_actions from churn.kept")
    assert stamped(gone, back) == {key}
    assert not back[key]["is_deleted"] and back[key]["deleted_at"] is None
    assert back[key]["first_seen_at"] == before[key]["first_seen_at"]


def test_a_domain_that_was_removed_leaves_a_tombstone_of_each_customer(crm):
    before = crm.rows()
    gone = crm.publish(
        "create or replace table churn.kept as from churn.fct_churn_actions",
        "delete from churn.fct_churn_actions where domain = 'kkbox'",
    )
    theirs = {key for key, row in before.items() if row["domain"] == "kkbox"}
    assert changed(before, gone) == theirs
    assert {key for key, row in gone.items() if row["is_deleted"]} == theirs != set(before)
    crm.publish("create or replace table churn.fct_churn_actions as from churn.kept")


def test_a_customer_out_of_scope_for_a_few_nights_is_neither_deleted_nor_created(crm):
    """A member who renews for 30 days in February leaves the month's window for up to 3 nights."""
    key, domain, customer = crm.first("decision = 'treat'")
    here = f"where domain = '{domain}' and customer_id = '{customer}'"
    before = crm.rows()
    waits = crm.publish(
        f"create or replace table churn.kept as from churn.fct_churn_actions {here}",
        f"delete from churn.fct_churn_actions {here}",
        "insert into churn.int_churn__last_scored_days_found "
        f"values ('{domain}', '{customer}', date '2017-02-28')",
    )
    assert stamped(before, waits) == {key}
    row = waits[key]
    assert not row["is_deleted"] and row["deleted_at"] is row["deleted_reason"] is None
    assert row["recommended_action"] is row["channel"] is None, "nothing that a sync could act on"
    for column in ("risk_score", "risk_band", "driver_group_1", "due_on", "first_seen_at"):
        assert row[column] == before[key][column]
    assert stamped(waits, crm.publish()) == set(), "a row that waits stays as it is"
    suppressed = crm.publish(
        f"insert into churn.stg_churn__suppressions values "
        f"('{domain}', '{customer}', 'asked', now()::timestamp)"
    )
    assert suppressed[key]["is_suppressed"] and not suppressed[key]["is_deleted"]
    back = crm.publish(
        "insert into churn.fct_churn_actions from churn.kept",
        "truncate churn.int_churn__last_scored_days_found",
        "truncate churn.stg_churn__suppressions",
    )
    assert back[key]["first_seen_at"] == before[key]["first_seen_at"]
    assert back[key]["row_hash"] == before[key]["row_hash"]
    gone = crm.publish(f"delete from churn.fct_churn_actions {here}")
    assert gone[key]["is_deleted"], "nobody scored the customer lately"
    still = crm.publish(
        "insert into churn.int_churn__last_scored_days_found "
        f"values ('{domain}', '{customer}', date '2017-02-28')"
    )
    assert still[key]["is_deleted"], "a tombstone does not rise without a score"
    crm.publish(
        "insert into churn.fct_churn_actions from churn.kept",
        "truncate churn.int_churn__last_scored_days_found",
    )


def test_the_tombstone_of_a_suppressed_customer_says_so(crm):
    key, domain, customer = crm.first("decision = 'treat'")
    here = f"where domain = '{domain}' and customer_id = '{customer}'"
    gone = crm.publish(
        f"create or replace table churn.kept as from churn.fct_churn_actions {here}",
        f"delete from churn.fct_churn_actions {here}",
        "insert into churn.stg_churn__suppressions values "
        f"('{domain}', '{customer}', 'asked', now()::timestamp)",
    )
    assert gone[key]["is_deleted"] and gone[key]["is_suppressed"] is True
    crm.publish(
        "insert into churn.fct_churn_actions from churn.kept",
        "truncate churn.stg_churn__suppressions",
    )


def test_an_id_that_has_become_another_customers_is_merged_at_once(crm):
    key, domain, customer = crm.first("decision = 'treat'")
    here = f"where domain = '{domain}' and customer_id = '{customer}'"
    gone = crm.publish(
        f"create or replace table churn.kept as from churn.fct_churn_actions {here}",
        f"delete from churn.fct_churn_actions {here}",
        "insert into churn.int_churn__last_scored_days_found "
        f"values ('{domain}', '{customer}', date '2017-02-28')",
        f"insert into control.control__identities values ('{domain}', '{customer}', 'another', "
        "'another', date '2017-02-27', date '9999-12-31')",
    )
    assert gone[key]["is_deleted"] and gone[key]["deleted_reason"] == "merged"
    crm.publish(
        "insert into churn.fct_churn_actions from churn.kept",
        "truncate churn.int_churn__last_scored_days_found",
        "truncate control.control__identities",
    )


def test_a_suppression_that_a_sync_has_seen_already_is_no_news_of_the_next_publish(crm):
    key, domain, customer = crm.first("decision = 'treat'")
    here = f"where domain = '{domain}' and customer_id = '{customer}'"
    before = crm.rows()
    decisions.suppress(crm.home, domain, [(customer, "asked")])
    ((*_, added_at),) = decisions.read_state(crm.home, decisions.SUPPRESSIONS)
    after = crm.publish(
        f"create or replace table churn.kept as from churn.fct_churn_actions {here}",
        "update churn.fct_churn_actions set decision = 'leave', reason = 'suppressed', "
        f"planned_action = null, channel = null, is_suppressed = true, "
        f"suppression_reason = 'asked' {here}",
    )
    assert changed(before, after) == {key}
    assert after[key]["is_suppressed"] and after[key]["recommended_action"] is None
    assert after[key]["updated_at"] == added_at > max(r["updated_at"] for r in before.values())
    decisions.lift(crm.home, domain, [customer])
    ((*_, lifted_at, _),) = decisions.read_state(crm.home, decisions.LIFTED)
    back = crm.publish(
        f"delete from churn.fct_churn_actions {here}",
        "insert into churn.fct_churn_actions from churn.kept",
    )
    assert not back[key]["is_suppressed"] and back[key]["recommended_action"]
    assert back[key]["updated_at"] > lifted_at, "the action is news"
    # seen to come and go between two publishes: nothing is left but the time
    decisions.suppress(crm.home, domain, [(customer, "asked")])
    decisions.lift(crm.home, domain, [customer])
    again = crm.publish()
    last = max(row[3] for row in decisions.read_state(crm.home, decisions.LIFTED))
    assert changed(back, again) == {key}
    assert again[key] == back[key] | {"updated_at": last}


def test_nobody_who_leaves_is_deleted_while_days_are_missing(crm):
    """Who renewed or ordered on the missing day seems to have left."""
    key, domain, customer = crm.first("decision = 'treat'")
    other = next(row["domain"] for row in crm.rows().values() if row["domain"] != domain)
    _, _, theirs = crm.first(f"domain = '{other}'")
    here = (
        f"where (domain = '{domain}' and customer_id = '{customer}') "
        f"or (domain = '{other}' and customer_id = '{theirs}')"
    )
    doubted = crm.publish(
        f"create or replace table churn.kept as from churn.fct_churn_actions {here}",
        f"delete from churn.fct_churn_actions {here}",
        f"insert into churn.int_churn__departures_doubted values ('{domain}', date '2017-03-20')",
    )
    assert not doubted[key]["is_deleted"] and doubted[key]["recommended_action"] is None
    assert doubted[f"{other}:{theirs}"]["is_deleted"], "another domain's days are all there"
    explained = crm.publish("truncate churn.int_churn__departures_doubted")
    assert explained[key]["is_deleted"] and explained[key]["deleted_reason"] == "out_of_scope"
    still = crm.publish(
        f"insert into churn.int_churn__departures_doubted values ('{domain}', date '2017-03-20')"
    )
    assert still[key]["is_deleted"], "a tombstone does not rise without a score"
    crm.publish(
        "insert into churn.fct_churn_actions from churn.kept",
        "truncate churn.int_churn__departures_doubted",
    )


def test_whoever_is_not_to_be_treated_has_no_action_to_act_on(crm):
    with duckdb.connect(str(crm.home.warehouse), read_only=True) as connection:
        planned = dict(
            connection.execute(
                "select domain || ':' || customer_id, decision from churn.fct_churn_actions"
            ).fetchall()
        )
    for key, row in crm.rows().items():
        assert (row["recommended_action"] is not None) == (planned.get(key) == "treat")
        if planned.get(key) == "hold_out":
            assert row["holdout_flag"]


def test_a_clock_that_was_put_back_still_gives_later_times(crm, monkeypatch):
    class Yesterday(datetime):
        @classmethod
        def now(cls, zone=None):
            return datetime.now(zone) - timedelta(days=1)

    before = crm.rows()
    newest = max(row["updated_at"] for row in before.values())
    monkeypatch.setattr(publish, "datetime", Yesterday)
    key, domain, customer = crm.first("decision = 'treat'")
    after = crm.publish(
        "update churn.fct_churn_actions set channel = 'letter' "
        f"where domain = '{domain}' and customer_id = '{customer}'"
    )
    assert stamped(before, after) == {key}
    assert after[key]["updated_at"] > newest


def test_copies_for_machines_keep_every_key_as_it_is(crm):
    folder = crm.generation.path.with_suffix("")
    with (folder / "crm_churn_actions.csv").open(newline="") as file:
        keys = {row["crm_key"] for row in csv.DictReader(file)}
    assert keys == set(crm.rows())
    assert any(key.partition(":")[2].startswith(("+", "/", "=")) or "/" in key for key in keys)
    parquet = duckdb.sql(f"select crm_key from '{folder}/crm_churn_actions.parquet'").fetchall()
    assert {row[0] for row in parquet} == keys
