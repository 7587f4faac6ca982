"""Raw rows posted as they stand in the files give the mart's features and the published score."""

import json
import random
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest
from fastapi.testclient import TestClient
from raw_rows import copy_of, mart_rows, published, published_domain, raw_rows, some_customers

from app.api.access.keys import create_key
from app.api.access.store import Store
from app.api.factory import create_app
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.publish.generation import current
from pipeline.realtime.answer import Prices, _as_published
from pipeline.realtime.bundle import read_run_stack
from pipeline.realtime.controls import Knowledge, coverage_of, notes_of
from pipeline.realtime.engine import Engine
from pipeline.realtime.published_plan import PublishedDecision
from pipeline.realtime.rows import Customer
from pipeline.retention.overlay import OF_AN_ACTION
from pipeline.runs.registry import live_run, recipe_of
from pipeline.warehouse.compiled_sql import CompiledModel, load_coverage, stack_hash, write_models

DOMAINS = ("kkbox", "ecommerce")
CUSTOMERS = 200
MOST = 100


@pytest.fixture(scope="module")
def reading(demo, tmp_path_factory):
    """A CHURN_HOME with a state of its own beside the shared demo's models and generations."""
    home = Home(tmp_path_factory.mktemp("reading"))
    for name in ("models", "published", "lake", "raw"):
        (home.root / name).symlink_to(demo[0].root / name)
    return home


@pytest.fixture(scope="module")
def client(reading):
    """The API with a key that may predict."""
    with TestClient(create_app(reading), raise_server_exceptions=False) as client:
        client.headers["X-API-Key"] = create_key(Store(reading), "tests", ["predict"])
        yield client


@pytest.fixture(scope="module")
def engines(reading):
    """Domain → its engine."""
    return {
        domain: Engine(
            reading,
            domain,
            current(reading).path,
            published_domain(reading, domain)["run_id"],
        )
        for domain in DOMAINS
    }


@pytest.fixture(scope="module")
def histories(demo):
    """Domain → customer → rows, 200 of each."""
    home, _ = demo
    return {
        domain: raw_rows(home, domain, some_customers(home, domain, CUSTOMERS))
        for domain in DOMAINS
    }


def sent(customers):
    return [{"customer_id": customer, **tables} for customer, tables in customers.items()]


def post(client, domain, customers, query="", **body):
    return client.post(
        f"/v1/{domain}/predictions{query}",
        content=json.dumps({"customers": customers, **body}),
        headers={"Content-Type": "application/json"},
    )


def test_raw_rows_give_the_marts_features_to_the_last_bit_and_the_published_score(
    demo, client, histories
):
    home, _ = demo
    for domain, customers in histories.items():
        live = published_domain(home, domain)
        mart = mart_rows(home, domain, live["as_of_date"], list(customers))
        scores = published(home, domain, list(customers))
        answered = []
        for start in range(0, CUSTOMERS, MOST):
            part = dict(list(customers.items())[start : start + MOST])
            answer = post(client, domain, sent(part), "?include=features")
            assert answer.status_code == 200, answer.text
            told = answer.json()
            assert told["model_version"] == live["run_id"]
            assert told["as_of_date"] == str(live["as_of_date"])
            assert told["generation"] == current(home).name
            answered += told["items"]
        assert [one["customer_id"] for one in answered] == list(customers)
        assert len(answered) == CUSTOMERS
        for one in answered:
            expected, score = mart[one["customer_id"]], scores[one["customer_id"]]
            features = {name: expected[name] for name in expected if "__" in name}
            assert list(one["features"]) == list(features)
            for name, value in features.items():
                found = one["features"][name]
                same = found == value and type(found) is type(value)
                assert same, f"{domain} {one['customer_id']} {name}: {found} for {value}"
            assert one["customer_value"] == expected["customer_value"]
            for name in ("leaving_cost", "leaving_cost_days"):
                assert one[name] == score[name] is not None
            assert one["due_on"] == (expected["due_on"] and str(expected["due_on"]))
            assert abs(one["churn_probability"] - score["churn_probability"]) <= 1e-9
            assert one["risk_band"] == score["risk_band"]
            assert all(reason["sentence"] for reason in one["reasons"])
            assert len(one["reasons"]) > 3


def test_reasons_and_actions_are_worded_as_in_what_is_published(demo, engines, histories):
    home, _ = demo
    for domain, customers in histories.items():
        few = dict(list(customers.items())[:MOST])
        answer = engines[domain].predict([Customer(c, t) for c, t in few.items()])
        with duckdb.connect() as connection:
            kept = {
                tuple(row[:2]): row[2:]
                for row in connection.execute(
                    "select customer_id, rank, sentence, contribution_log_odds "
                    f"from {copy_of(home, 'bi_churn_reasons')} where domain = ?",
                    [domain],
                ).fetchall()
            }
        with duckdb.connect(str(home.warehouse), read_only=True) as connection:
            chosen = {
                row[0]: row[1:]
                for row in connection.execute(
                    "select customer_id, decision, reason, reason_words, best_profit_alone, "
                    "planned_action, expected_spend, arm "
                    "from churn.fct_churn_actions where domain = ?",
                    [domain],
                ).fetchall()
            }
        for one in answer.predictions:
            for reason in one.scored.reasons:
                words, amount = kept[one.customer_id, reason["rank"]]
                assert words == reason["sentence"]
                assert abs(reason["contribution_log_odds"] - amount) <= 1e-5
            decision, why, words, best, planned, spend, arm = chosen[one.customer_id]
            action = one.scored.action
            assert action["best_profit_alone"] == best
            assert (action["decision"], action["reason"]) == (decision, why)
            assert action["reason_words"] == words
            assert (action["published_decision"], action["arm"]) == (decision, arm)
            assert action["is_within_plan"] == (decision == "treat")
            assert (action["planned_action"], action["expected_spend"]) == (
                (planned, spend) if decision == "treat" else (None, None)
            )
        decisions = {chosen[one.customer_id][0] for one in answer.predictions}
        assert decisions == {"treat", "hold_out", "leave"}


def test_what_only_a_plan_decides_is_as_published():
    prices = Prices(budget=0, channels={})
    alone = {
        "decision": "treat",
        "reason": None,
        "reason_words": None,
        **dict.fromkeys(OF_AN_ACTION, "of the action"),
        "planned_action": "coupon",
        "expected_profit": 5.5,
        "expected_spend": 1.0,
        "channel": "push",
        "arm": None,
    }

    def of(decision, reason=None, action=None, arm=None):
        return PublishedDecision("a", decision, reason, "why", action, 1, 1, arm, "2026-01-01")

    new = _as_published(alone, None, prices)
    assert (new["planned_action"], new["is_within_plan"], new["arm"]) == ("coupon", True, None)
    same = _as_published(alone, of("treat", None, "coupon", "treat"), prices)
    assert (same["planned_action"], same["is_within_plan"], same["arm"]) == (
        "coupon",
        True,
        "treat",
    )
    # the planned action may not be offered any more: another one is no part of the plan
    other = _as_published(alone, of("treat", None, "call", "treat"), prices)
    assert (other["planned_action"], other["is_within_plan"]) == ("coupon", False)
    # a customer who gave no reason for an action last night may give one today
    changed = _as_published(alone, of("leave", "nothing_raises_the_risk"), prices)
    assert (changed["planned_action"], changed["is_within_plan"]) == ("coupon", False)
    beyond = _as_published(alone, of("leave", "beyond_budget"), prices)
    held = _as_published(
        alone | {"decision": "hold_out", "reason": "held_out"},
        of("hold_out", "held_out", "coupon", "control"),
        prices,
    )
    for row, reason in ((beyond, "beyond_budget"), (held, "held_out")):
        assert row["reason"] == reason and row["is_within_plan"] is False
        assert all(row[name] is None for name in OF_AN_ACTION)


def test_very_different_customers_in_turn_do_not_colour_each_other(engines, histories):
    """A prepared statement that keeps what it learned of other rows answers wrongly in silence."""
    for domain, customers in histories.items():
        engine = engines[domain]
        by_size = sorted(customers.items(), key=lambda item: sum(map(len, item[1].values())))
        alone = {}
        order = [*by_size[:12], *by_size[-12:]]
        for customer, tables in order:
            scored = engine.predict([Customer(customer, tables)]).predictions[0].scored
            alone[customer] = (scored.features, scored.margin)
        generator = random.Random(1)
        for _ in range(2):
            generator.shuffle(order)
            for customer, tables in order:
                scored = engine.predict([Customer(customer, tables)]).predictions[0].scored
                assert (scored.features, scored.margin) == alone[customer]
        together = engine.predict([Customer(c, t) for c, t in order]).predictions
        for one in together:
            assert (one.scored.features, one.scored.margin) == alone[one.customer_id]


def test_events_on_the_cut_off_or_after_it_are_ignored_and_counted(client, histories):
    customers = dict(list(histories["kkbox"].items())[:1])
    ((customer, tables),) = customers.items()
    before = post(client, "kkbox", sent(customers), "?include=features").json()["items"][0]
    late = [{**tables["transactions"][-1], "transaction_date": day} for day in (20170401, 20170503)]
    late += [{**tables["transactions"][-1], "transaction_date": "2017-04-02", "is_cancel": "1"}]
    more = {customer: {**tables, "transactions": [*tables["transactions"], *late]}}
    after = post(client, "kkbox", sent(more), "?include=features").json()["items"][0]
    assert after.pop("ignored_rows")["transactions"] - before.pop("ignored_rows").get(
        "transactions", 0
    ) == len(late)
    assert after == before


def test_no_late_row_reaches_the_relations_that_the_features_read(engines, histories):
    """The feature SQL leaves late rows out as well; one guard must not hide that the other fell."""
    for domain, customers in histories.items():
        engine = engines[domain]
        known = [Customer(customer, tables) for customer, tables in list(customers.items())[:20]]
        cut_off = engine.knowledge.scored - timedelta(days=60)
        with engine._worker() as worker:
            worker.database.execute("begin")
            late = worker.loader.load(known, range(len(known)), cut_off)
            for table in engine.model.tables:
                day = table.event_day or table.event_time
                if day is None:
                    continue
                of_table = [counts.get(table.name, 0) for counts in late.values()]
                sent_rows = sum(len(one.tables.get(table.name) or ()) for one in known)
                read = worker.database.execute(
                    f"select count(*), max({day}) from lake.{table.identifier}"
                ).fetchone()
                assert 0 < sum(of_table) < sent_rows
                assert read[0] <= sent_rows - sum(of_table)
                assert read[1].isoformat() < str(cut_off)
            worker.database.execute("rollback")


def derived(engine, cut_off):
    """Coverage as an engine derives it."""
    domain = engine.model.domain
    return coverage_of(engine._database, domain, engine._derive, engine.knowledge, cut_off)


def test_coverage_at_the_published_cut_off_is_the_builds(demo, engines):
    home, _ = demo
    for domain, engine in engines.items():
        cut_off = engine.knowledge.scored
        with duckdb.connect(str(home.warehouse), read_only=True) as connection:
            for day in (cut_off, cut_off - timedelta(days=200)):
                built = connection.execute(
                    "select table_name, covered_from, covered_before "
                    "from control.control__coverage where domain = ? and as_of_date = ? order by 1",
                    [domain, day],
                ).fetchall()
                if day == cut_off:
                    assert built
                    assert derived(engine, day).coverage == built
                windows = connection.execute(
                    "select table_name, window_days, until_days, is_whole "
                    "from control.control__windows where domain = ? and as_of_date = ? "
                    "order by all",
                    [domain, day],
                ).fetchall()
                if day == cut_off:
                    assert windows
                    assert derived(engine, day).windows == windows


def test_a_later_cut_off_extends_each_source_as_far_behind_as_it_was(engines):
    engine = engines["kkbox"]
    now = engine.knowledge.scored
    then = now + timedelta(days=100)
    built, later = derived(engine, now), derived(engine, then)
    assert [(n, s, b + timedelta(days=100)) for n, s, b in built.coverage] == later.coverage


def test_a_cut_off_that_was_scored_beyond_the_data_is_covered_as_the_build_says(demo):
    """The published scores had null there; the same rows must not be taken for silence."""
    knowledge = Knowledge(date(2020, 5, 1), date(2020, 5, 15), date(2020, 4, 1))
    first, last = date(2020, 1, 1), date(2020, 4, 30)
    with duckdb.connect() as connection:
        connection.execute("create schema control")
        connection.execute(
            "create table control.control__starts as select 'ecommerce' as domain, "
            "'events' as table_name, $1::date as starts_on, $1::date as known_from",
            [first],
        )
        connection.execute(
            "create table control.control__day_counts as select 'ecommerce' as domain, "
            "'events' as table_name, day, 9 as event_rows, false as is_day_thin, "
            "false as is_week_thin, false as is_month_thin "
            "from (values ($1::date), ($2::date)) as days (day)",
            [first, last],
        )
        connection.execute(
            "create table control.control__holes as select 'ecommerce' as domain, "
            "'events' as table_name, date '2020-04-01' as day, date '2020-04-02' as known_from "
        )
        for cut_off, covered_before in ((15, 1), (17, 3)):
            found = coverage_of(
                connection, "ecommerce", load_coverage(demo[0]), knowledge, date(2020, 5, cut_off)
            )
            assert found.coverage == [("events", first, date(2020, 5, covered_before))]
            whole = {days: is_whole for _, days, until, is_whole in found.windows if until == 0}
            # a grace of six days; one day of sixty may be missing, and the record begins in January
            assert whole[60] == (cut_off - covered_before <= 6)
            assert not whole[180]
    assert notes_of(knowledge, date(2020, 5, 15), []) == []
    assert "assumed to be complete" in notes_of(knowledge, date(2020, 5, 16), [])[0]


def test_a_later_cut_off_is_answered_and_what_is_taken_on_trust_is_said(client, histories):
    customers = dict(list(histories["kkbox"].items())[:3])
    answer = post(client, "kkbox", sent(customers), as_of_date="2017-04-20")
    assert answer.status_code == 200, answer.text
    assert answer.json()["as_of_date"] == "2017-04-20"
    assert "assumed to be complete" in answer.json()["notes"][0]


def test_a_table_that_is_not_sent_is_null_and_an_empty_one_is_silence(client, histories):
    customer, tables = next(iter(histories["kkbox"].items()))
    silent = {customer: {**tables, "user_logs": []}}
    unknown = {customer: {"transactions": tables["transactions"]}}
    zero = post(client, "kkbox", sent(silent), "?include=features").json()["items"][0]["features"]
    answer = post(client, "kkbox", sent(unknown), "?include=features").json()
    null = answer["items"][0]["features"]
    assert zero["listening__active_days_28d"] == 0
    assert null["listening__active_days_28d"] is None
    assert any("user_logs" in note for note in answer["notes"])


def test_customers_outside_the_cohort_are_told_why(client, histories):
    customer, tables = next(iter(histories["kkbox"].items()))
    gone = [
        {**row, "membership_expire_date": "20150301", "transaction_date": "20150201"}
        for row in tables["transactions"]
    ]
    later = [{**row, "transaction_date": "20170601"} for row in tables["transactions"]]
    answer = post(
        client,
        "kkbox",
        sent(
            {
                "a": {"transactions": without(gone)},
                "b": {"transactions": without(later)},
                customer: tables,
            }
        ),
    )
    assert answer.status_code == 200, answer.text
    first, second, third = answer.json()["items"]
    assert (first["in_scope"], second["in_scope"], third["in_scope"]) == (False, False, True)
    assert first["reason"].startswith("not scored: members whose membership does not expire")
    assert second["reason"] == "no rows in transactions before the cut-off"
    assert first["churn_probability"] is None


def without(rows, column="msno"):
    return [{name: cell for name, cell in row.items() if name != column} for row in rows]


def test_what_the_plan_charges_decides_whether_an_action_is_within_it():
    prices = Prices(budget=2_000_000, channels={"call": 300_000_000})  # 2 a unit, 3 a call
    action = {"expected_profit": 5.5, "expected_spend": 1.0, "channel": "call"}
    assert prices.charged(action) == {
        "plan_marginal_profit": 2.0,
        "plan_contact_price": 3.0,
        "is_within_plan": True,
    }
    assert not prices.charged(action | {"expected_profit": 5.0})["is_within_plan"]
    assert not prices.charged(action | {"expected_spend": 1.25})["is_within_plan"]
    assert prices.charged(action | {"channel": "push"})["plan_contact_price"] == 0
    nothing = {"expected_profit": None, "expected_spend": None, "channel": None}
    assert prices.charged(nothing)["is_within_plan"] is None
    assert Prices(budget=None, channels={}).charged(action)["is_within_plan"] is None


def test_a_suppressed_customer_is_answered_with_the_reason_for_no_action(
    reading, client, histories
):
    from pipeline.retention import decisions

    engine_customers = dict(list(histories["ecommerce"].items())[:30])
    items = post(client, "ecommerce", sent(engine_customers)).json()["items"]
    offered = next(one for one in items if one["recommendation"]["action_id"])
    assert offered["recommendation"]["expected_profit"] > 0
    assert offered["recommendation"]["reason"] is None
    assert offered["recommendation"]["is_within_plan"] in (True, False)
    name = offered["customer_id"]
    decisions.suppress(reading, "ecommerce", [(name, "asked not to be written to")])
    try:
        again = post(client, "ecommerce", sent({name: engine_customers[name]})).json()["items"][0]
        assert again["recommendation"]["action_id"] is None
        assert again["recommendation"]["reason"] == "suppressed"
        assert again["recommendation"]["reason_words"] == (
            "Marked do-not-contact: asked not to be written to"
        )
        assert again["churn_probability"] == offered["churn_probability"]
    finally:
        decisions.lift(reading, "ecommerce", [name])


def test_days_for_which_no_honest_score_exists_are_refused(client, histories):
    customers = sent(dict(list(histories["kkbox"].items())[:1]))
    early = post(client, "kkbox", customers, as_of_date="2016-01-01")
    assert early.status_code == 422
    assert "learned from outcomes that were not known before" in early.json()["errors"][0]["detail"]
    future = str(datetime.now(UTC).date() + timedelta(days=1))
    late = post(client, "kkbox", customers, as_of_date=future)
    assert late.status_code == 422
    assert late.json()["errors"][0]["pointer"] == "#/as_of_date"


GOOD = {
    "payment_method_id": 41,
    "payment_plan_days": 30,
    "plan_list_price": 149,
    "actual_amount_paid": 149,
    "is_auto_renew": 1,
    "transaction_date": 20170310,
    "membership_expire_date": 20170410,
    "is_cancel": 0,
}


def rows_of(**changed):
    return [{"customer_id": "c", "transactions": [GOOD, {**GOOD, **changed}]}]


BAD = {
    "no customers": ([], "#/customers", None),
    "no rows": (
        [{"customer_id": "c", "transactions": []}],
        "#/customers/0/transactions",
        "no rows",
    ),
    "no table": ([{"customer_id": "c"}], "#/customers/0/transactions", "no rows"),
    "an empty row": (
        [{"customer_id": "c", "transactions": [{}]}],
        "#/customers/0/transactions/0/actual_amount_paid",
        "is missing",
    ),
    "a hundred thousand rows that are none": (
        [{"customer_id": "c", "transactions": [1] * 100_000}],
        "#/customers/0/transactions/0",
        "not an object",
    ),
    "a hundred thousand tables that are none": (
        [{"customer_id": "c", **{f"t{number}": 1 for number in range(100_000)}}],
        "#/customers/0/t0",
        "no such table",
    ),
    "a hundred thousand customers that are none": ([1] * 100_000, "#/customers", None),
    "a table that is a number": (
        [{"customer_id": "c", "transactions": 1}],
        "#/customers/0/transactions",
        "not a list of rows",
    ),
    "a table that is text": (
        [{"customer_id": "c", "transactions": "x"}],
        "#/customers/0/transactions",
        "not a list of rows",
    ),
    "rows that are no rows": (
        [{"customer_id": "c", "transactions": ["x"]}],
        "#/customers/0/transactions/0",
        None,
    ),
    "two customers mixed up": (
        rows_of(msno="d"),
        "#/customers/0/transactions/1/msno",
        "of this customer",
    ),
    "a customer twice": ([*rows_of(), *rows_of()], "#/customers/1/customer_id", "customers[0]"),
    "a field of 10 MB": (
        rows_of(is_cancel="x" * 10_000_000),
        "#/customers/0/transactions/1/is_cancel",
        "longer",
    ),
    "NaN": (
        rows_of(plan_list_price=float("nan")),
        "#/customers/0/transactions/1/plan_list_price",
        "not a finite number",
    ),
    "infinity": (
        rows_of(plan_list_price=float("-inf")),
        "#/customers/0/transactions/1/plan_list_price",
        "not a finite number",
    ),
    "text for a number": (
        rows_of(plan_list_price="149 NT$"),
        "#/customers/0/transactions/1/plan_list_price",
        "not of type integer",
    ),
    "half a number": (
        rows_of(plan_list_price=149.5),
        "#/customers/0/transactions/1/plan_list_price",
        "not of type integer",
    ),
    "a huge number": (
        rows_of(plan_list_price=10**300),
        "#/customers/0/transactions/1/plan_list_price",
        "not of type integer",
    ),
    "a day that is none": (
        rows_of(transaction_date=20170231),
        "#/customers/0/transactions/1/transaction_date",
        "not a date",
    ),
    "an empty day": (
        rows_of(transaction_date=None),
        "#/customers/0/transactions/1/transaction_date",
        "empty",
    ),
    "out of bounds": (rows_of(is_cancel=2), "#/customers/0/transactions/1/is_cancel", "above 1"),
    "a list for a value": (
        rows_of(is_cancel=[0]),
        "#/customers/0/transactions/1/is_cancel",
        "not a single value",
    ),
    "an object for a value": (
        rows_of(is_cancel={"a": 0}),
        "#/customers/0/transactions/1/is_cancel",
        "not a single value",
    ),
    "true for a number": (
        rows_of(is_cancel=True),
        "#/customers/0/transactions/1/is_cancel",
        "not of type integer",
    ),
    "formula text": (
        rows_of(plan_list_price="=cmd|' /C calc'!A0"),
        "#/customers/0/transactions/1/plan_list_price",
        "not of type integer",
    ),
    "SQL": (
        rows_of(plan_list_price="0'); drop table lake.kkbox_transactions; --"),
        "#/customers/0/transactions/1/plan_list_price",
        "not of type integer",
    ),
    "half a character": (
        rows_of(is_cancel="\ud800"),
        "#/customers/0/transactions/1/is_cancel",
        "UTF-8",
    ),
    "NUL": (rows_of(is_cancel="0\0"), "#/customers/0/transactions/1/is_cancel", "NUL"),
    "an unknown table": (
        [{"customer_id": "c", "transactions": [GOOD], "orders": []}],
        "#/customers/0/orders",
        "no such table",
    ),
    "too many": (
        [{"customer_id": f"c{n}", "transactions": [GOOD]} for n in range(101)],
        "#/customers",
        None,
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_used_is_named_by_row_and_field(client, what):
    customers, pointer, words = BAD[what]
    answer = post(client, "kkbox", customers)
    assert answer.status_code == 422, answer.text[:500]
    assert answer.headers["content-type"] == "application/problem+json"
    fault = next(f for f in answer.json()["errors"] if f["pointer"] == pointer)
    assert words is None or words in fault["detail"]
    assert len(answer.content) < 50_000
    # and the next request is answered as if nothing had been
    assert post(client, "kkbox", rows_of()).status_code == 200


def test_a_fault_names_the_row_of_the_table_and_the_first_ones_come_first(client):
    rows = [{**GOOD, "is_cancel": 2 if number >= 2 else 0} for number in range(12)]
    errors = post(client, "kkbox", [{"customer_id": "c", "transactions": rows}]).json()["errors"]
    assert [fault["row"] for fault in errors] == list(range(3, 13))
    assert {fault["field"] for fault in errors} == {"is_cancel"}


def test_columns_that_are_not_read_are_named_whatever_they_are_called(client):
    answer = post(client, "kkbox", rows_of(**{"\ud800": 1, "colour": "red"}))
    assert answer.status_code == 200, answer.text
    assert "colour" in str(answer.json()["notes"])


def test_what_a_column_may_hold_can_be_computed_with(client):
    """The largest and least integers are no sums or differences of integers any more."""
    log = {
        "date": 20170310,
        "num_25": 1,
        "num_50": 1,
        "num_75": 1,
        "num_985": 1,
        "num_100": 1,
        "num_unq": 1,
        "total_secs": 100.0,
    }
    tables = {"transactions": GOOD, "user_logs": log}
    tried = 0
    for table, row in tables.items():
        for name in row:
            if (row[name] in (0, 1) and name.startswith("is_")) or "date" in name:
                continue
            for extreme in (2**31 - 1, -(2**31)):
                sent = {**tables, table: {**row, name: extreme}}
                customer = {"customer_id": "c", **{name: [row] * 3 for name, row in sent.items()}}
                answer = post(client, "kkbox", [customer])
                assert answer.status_code == 200, f"{table}.{name} {extreme}: {answer.text}"
                assert answer.json()["items"][0]["in_scope"]
                tried += 1
    assert tried >= 20


def test_ids_with_quotes_and_formulas_are_ids(client):
    names = ["=1+1", "o'brien/+==", 'a"b,c;--', "Ünï/çode+"]
    answer = post(client, "kkbox", [{"customer_id": n, "transactions": [GOOD]} for n in names])
    assert answer.status_code == 200, answer.text
    assert [one["customer_id"] for one in answer.json()["items"]] == names
    assert len({one["churn_probability"] for one in answer.json()["items"]}) == 1


def test_bodies_that_are_no_requests_are_refused(client):
    for content in (b"", b"{", b"[]", b'{"customers": 1}', b'{"customers": [1]}', b"\xff\xfe"):
        answer = client.post(
            "/v1/kkbox/predictions",
            content=content,
            headers={"Content-Type": "application/json"},
        )
        assert answer.status_code in (400, 422), content
        assert answer.headers["content-type"] == "application/problem+json"


def test_an_unknown_domain_a_wrong_scope_and_nothing_published_are_told(client, reading, tmp_path):
    assert post(client, "nowhere", rows_of()).status_code == 404
    reader = create_key(Store(reading), "reads", ["read"])
    refused = client.post("/v1/kkbox/predictions", json={}, headers={"X-API-Key": reader})
    assert refused.status_code == 403
    empty = Home(tmp_path / "empty")
    with TestClient(create_app(empty), raise_server_exceptions=False) as nothing:
        nothing.headers["X-API-Key"] = create_key(Store(empty), "tests", ["predict"])
        answer = post(nothing, "kkbox", rows_of())
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("nothing-published")


def test_other_feature_sql_than_the_models_is_refused_in_words(demo, tmp_path):
    import shutil

    home = Home(tmp_path / "changed")
    home.root.mkdir()
    for name in ("published", "raw"):
        (home.root / name).symlink_to(demo[0].root / name)
    shutil.copytree(demo[0].models / "kkbox", home.models / "kkbox")
    path = next(home.models.glob("kkbox/*/features.json"))
    path.write_text(path.read_text().replace("days_before <= 90", "days_before <= 91"))
    with TestClient(create_app(home), raise_server_exceptions=False) as changed:
        changed.headers["X-API-Key"] = create_key(Store(home), "tests", ["predict"])
        answer = post(changed, "kkbox", rows_of())
    assert answer.status_code == 503
    assert "not the SQL its model was trained on" in answer.json()["detail"]
    assert str(home.root) not in answer.text


def test_feature_sql_of_before_the_control_models_is_refused_in_words(demo, tmp_path):
    stack = [CompiledModel("kkbox.old", 'select * from "warehouse"."lake"."kkbox_cut_offs"', False)]
    write_models(tmp_path / "features.json", stack)
    live = recipe_of(live_run(demo[0], "kkbox"))
    recipe = live.model_copy(update={"feature_sql_hash": stack_hash(stack)})
    (tmp_path / "recipe.json").write_text(recipe.model_dump_json(by_alias=True))
    with pytest.raises(ChurnError, match="older version"):
        read_run_stack(tmp_path)


def test_many_at_once_get_their_own_answers(engines, histories):
    from concurrent.futures import ThreadPoolExecutor

    customers = list(histories["kkbox"].items())[:24]
    engine = engines["kkbox"]

    def ask(item):
        return engine.predict([Customer(*item)]).predictions[0].scored.margin

    alone = [ask(item) for item in customers]
    with ThreadPoolExecutor(6) as pool:
        assert list(pool.map(ask, customers)) == alone


def test_repeated_events_count_once_as_in_ingest(client, histories):
    customer, tables = next(iter(histories["ecommerce"].items()))
    twice = {customer: {"events": [*tables["events"], *tables["events"]]}}
    once = post(client, "ecommerce", sent({customer: tables}), "?include=features").json()
    again = post(client, "ecommerce", sent(twice), "?include=features").json()
    assert once["items"][0]["features"] == again["items"][0]["features"]


def test_no_row_stays_behind(engines, histories):
    engine = engines["kkbox"]
    engine.predict([Customer(*next(iter(histories["kkbox"].items())))], date(2017, 4, 1))
    for relation in (
        "lake.kkbox_transactions",
        "sent.transactions",
        "churn.fct_churn_scores",
        "kkbox.kkbox__churn_examples",
        "churn.stg_churn__reasons",
    ):
        rows = engine._database.execute(f"select count(*) from {relation}").fetchone()
        assert rows == (0,), relation


def test_a_day_that_no_test_is_near_says_so(client, engines, histories):
    """The grid has the 1st and the 16th: nobody knows how good the scores of a 22nd are."""
    for domain, customers in histories.items():
        part = dict(list(customers.items())[:2])
        live = engines[domain].knowledge.scored
        near = post(client, domain, sent(part)).json()
        assert near["is_day_measured"] is True
        assert date.fromisoformat(near["nearest_test_as_of_date"]).day == live.day == 1
        assert not any("was not tested on a day like" in note for note in near["notes"])
        far = post(client, domain, sent(part), as_of_date=str(live.replace(day=22))).json()
        assert far["is_day_measured"] is False
        assert date.fromisoformat(far["nearest_test_as_of_date"]).day == 16
        assert any(f"not tested on a day like {live.replace(day=22)}" in n for n in far["notes"])
