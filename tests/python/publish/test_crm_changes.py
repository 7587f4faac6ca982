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


# What keeps rows still and explains departures, by its own SQL, and what that reads.
STILL = (
    "int_churn__published_bands_kept",
    "int_churn__published_groups_kept",
    "int_churn__departures_explained",
)
READ = (
    "fct_churn_reasons",
    "int_churn__live_runs_selected",
    "int_churn__published_scorings_selected",
    "int_churn__revenue_days_unioned",
    "stg_churn__scores",
)


def compiled(home, name):
    """The SQL of a model as dbt compiled it."""
    (path,) = (home.dbt_target / "compiled").rglob(f"{name}.sql")
    return path.read_text()


@pytest.fixture(scope="module")
def crm(demo, tmp_path_factory):
    """A copy of the published demo whose CRM table can be made and published again."""
    return Crm(demo[0], Home(tmp_path_factory.mktemp("crm") / "copy"))


class Crm:
    """Publishes again and again, by the SQL that dbt compiled."""

    def __init__(self, demo, home):
        home.published.mkdir(parents=True)
        self.home, self.count = home, 0
        self.dbt_target = demo.dbt_target
        self.sql = compiled(demo, "crm_churn_actions")
        # views know their own database only
        with duckdb.connect(str(demo.warehouse), read_only=True) as connection:
            for name in READ:
                connection.execute(f"copy (from churn.{name}) to '{home.root}/{name}.parquet'")
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
            for name in READ:
                connection.execute(
                    f"create table churn.{name} as from '{home.root}/{name}.parquet'"
                )
            connection.execute(
                "create table serving.bi_customer_360 as from demo.serving.bi_customer_360; "
                "create schema seeds; create table seeds.codes as from demo.seeds.codes"
            )
            connection.execute(
                "create table churn.int_churn__crm_fields_mapped "
                "(domain varchar, customer_id varchar, crm_fields varchar); "
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
            "false as is_overlaid, null::varchar as crm_fields, "
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
            for name in STILL:
                connection.execute(f"create or replace view churn.{name} as {compiled(self, name)}")
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


def test_the_score_moves_with_its_band_or_by_five_steps(crm):
    key, domain, customer = crm.first("domain = 'ecommerce'")
    here = f"where domain = '{domain}' and customer_id = '{customer}'"

    def score(probability, band):
        rows = crm.publish(
            f"update churn.fct_churn_actions set churn_probability = {probability}, "
            f"risk_band = '{band}' {here}"
        )
        return rows[key]["risk_score"]

    assert score(0.20, "low") == 0.2
    assert score(0.44, "low") == 0.2
    assert score(0.46, "low") == 0.45
    assert score(0.22, "low") == 0.45
    assert score(0.19, "low") == 0.2
    assert score(0.56, "medium") == 0.55, "the published band holds, the score is far off"
    assert score(0.59, "medium") == 0.55
    assert score(0.62, "medium") == 0.6, "another band"
    assert score(0.79, "high") == 0.6, "the published band holds"
    assert score(0.87, "critical") == 0.85, "and is left"
    assert score(0.81, "high") == 0.85, "the published band holds"
    assert score(0.79, "high") == 0.8, "and is left"


@pytest.mark.parametrize("domain", ["kkbox", "ecommerce"])
def test_the_band_moves_only_when_the_limit_is_clearly_behind(crm, domain):
    key, _, customer = crm.first(f"domain = '{domain}' and risk_band = 'critical'")
    here = f"where domain = '{domain}' and customer_id = '{customer}'"
    with duckdb.connect(str(crm.home.warehouse), read_only=True) as connection:
        (critical,) = connection.execute(
            "select band_critical from churn.int_churn__live_runs_selected where domain = ?",
            [domain],
        ).fetchone()

    margin = min(0.1, critical / 3, (1 - critical) / 3)

    def band(probability):
        own = "critical" if probability >= critical else "high"
        rows = crm.publish(
            f"update churn.fct_churn_actions set churn_probability = {probability}, "
            f"risk_band = '{own}' {here}"
        )
        return rows[key]["risk_band"]

    assert band(critical + 0.01) == "critical"
    assert band(critical - margin + 0.005) == "critical"
    assert band(critical - margin - 0.005) == "high"
    assert band(critical + margin - 0.005) == "high"
    assert band(critical + margin + 0.005) == "critical"


def test_reasons_change_only_when_they_are_clearly_others(crm):
    key, domain, customer = crm.first(
        "driver_group_2 is not null and driver_group_3 is null and domain = 'ecommerce'"
    )
    here = f"where domain = '{domain}' and customer_id = '{customer}'"
    before = crm.rows()[key]
    first, second = before["driver_group_1"], before["driver_group_2"]
    assert first < second and before["driver_group_3"] is None

    def reasons(*changes):
        rows = crm.publish(
            *(
                f"update churn.fct_churn_reasons set contribution_log_odds = {odds} {here} "
                f"and group_title = '{title}'"
                for title, odds in changes
            ),
            # what the plan's SQL would make of them
            "update churn.fct_churn_actions set driver_group_1 = 'Today', driver_group_2 = null, "
            f"driver_group_3 = null {here}",
        )
        return [rows[key][f"driver_group_{place}"] for place in (1, 2, 3)]

    assert reasons((first, 0.9), (second, 0.21)) == [first, second, None]
    assert reasons((first, 0.21), (second, 0.9)) == [first, second, None]
    assert reasons((second, 0.06)) == [first, second, None], "weaker is no news"
    assert reasons((second, 0.04)) == ["Today", None, None]


def test_a_new_loud_reason_is_news(crm):
    key, domain, customer = crm.first(
        "driver_group_1 is not null and driver_group_3 is null and domain = 'kkbox'"
    )
    here = f"where domain = '{domain}' and customer_id = '{customer}'"
    before = crm.rows()[key]["driver_group_1"]

    def loud(odds):
        rows = crm.publish(
            f"delete from churn.fct_churn_reasons {here} and rank = 99",
            "insert into churn.fct_churn_reasons by name "
            f"(select * replace (99 as rank, 'Another' as group_title, 'raises' as direction, "
            f"false as is_typical, 'payment' as theme, {odds} as contribution_log_odds) "
            f"from churn.fct_churn_reasons {here} order by rank limit 1)",
            f"update churn.fct_churn_actions set driver_group_1 = 'Another' {here}",
        )
        return rows[key]["driver_group_1"]

    assert loud(0.55) == before
    assert loud(0.65) == "Another"


def test_who_paid_since_the_last_score_has_not_lapsed(crm):
    key, domain, customer = crm.first("domain = 'kkbox' and decision = 'treat'")
    here = f"where domain = '{domain}' and customer_id = '{customer}'"
    gone = crm.publish(
        f"create or replace table churn.kept as from churn.fct_churn_actions {here}",
        f"delete from churn.fct_churn_actions {here}",
        "insert into churn.int_churn__revenue_days_unioned "
        f"values ('{domain}', '{customer}', date '2017-04-02', 14900)",
    )
    assert gone[key]["deleted_reason"] == "out_of_scope"
    crm.publish(
        "insert into churn.fct_churn_actions from churn.kept",
        f"delete from churn.int_churn__revenue_days_unioned {here} and booked_on >= '2017-04-01'",
    )


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
    assert row["is_deleted"] and row["deleted_reason"] == "lapsed", "nothing was paid since"
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
    assert explained[key]["is_deleted"] and explained[key]["deleted_reason"] == "lapsed"
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


def test_figures_titles_and_sentences_make_no_row_news(crm):
    """They move every night; a sync would get everybody."""
    before = crm.rows()
    moved = (
        "as_of_date = as_of_date + 1, summary = summary || ' So.', "
        "value_at_risk = value_at_risk * 1.01 + 0.01, customer_value = customer_value + 1, "
        "top_driver_1 = 'Another figure', predicted_value = 7, days_between_orders = 7, "
        "expected_next_order_on = as_of_date"
    )
    after = crm.publish(
        "create or replace table churn.kept as from serving.bi_customer_360",
        f"update serving.bi_customer_360 set {moved}",
        "create or replace table churn.kept_actions as from churn.fct_churn_actions",
        "update churn.fct_churn_actions set expected_profit = expected_profit + 1, "
        "churn_probability = churn_probability",
    )
    assert stamped(before, after) == set()
    assert all(after[key]["row_hash"] == before[key]["row_hash"] for key in after)
    assert {row["predicted_value"] for row in after.values()} == {7}, "the figures are today's"
    crm.publish(
        "create or replace table serving.bi_customer_360 as from churn.kept",
        "create or replace table churn.fct_churn_actions as from churn.kept_actions",
    )


def test_a_row_says_what_to_do_only_for_who_is_to_be_contacted(crm):
    rows = crm.rows().values()
    to_contact = [row for row in rows if row["recommended_action"]]
    assert to_contact and {row["decision"] for row in to_contact} == {"treat"}
    for column in ("action_title", "message_hint", "profit_to_contact"):
        assert all(row[column] is not None for row in to_contact)
        assert all(row[column] is None for row in rows if not row["recommended_action"])
    assert {row["decision_title"] for row in to_contact} == {"To contact"}
    assert {(row["risk_band"], row["risk_band_title"]) for row in rows} >= {("high", "High")}
    assert all(row["as_of_date"] and row["summary"].endswith(".") for row in rows)
    kept = [row["reasons_in_words"] for row in rows if row["reasons_in_words"]]
    assert any(words.count("; ") == 2 for words in kept)


def test_the_due_date_stands_in_the_message(crm):
    key, domain, customer = crm.first("decision = 'treat' and due_on is not null")
    here = f"where domain = '{domain}' and customer_id = '{customer}'"
    before = crm.rows()[key]
    row = crm.publish(
        f"update churn.fct_churn_actions set message_hint = 'Ends on {{due_on}}' {here}"
    )[key]
    assert row["message_hint"] == f"Ends on {before['due_on']}"
    crm.publish(
        f"update churn.fct_churn_actions set message_hint = '{before['message_hint']}' {here}"
    )
