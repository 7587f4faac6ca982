"""Every sentence that can be said of a feature reads as one, whatever the customer's value."""

import csv
import re

import duckdb
import pytest
from reference.stack import compiled

from pipeline.project.domains import domain_entries
from pipeline.project.home import PROJECT
from pipeline.warehouse.compiled_sql import compiled_stack, placed

# what a number can be, and what it can stand beside
VALUES = (None, -12.0, -1.0, 0.0, 0.004, 0.4, 1.0, 2.0, 26.6, 1779.0, 93_407_267_074.0)
TYPICAL = (None, -3.0, 0.0, 1.0, 12.5)
# turns that a reader stumbles over: unfilled, doubled, of one thing as of many, or not English
BROKEN = re.compile(
    r"[{}]|__|  |None|null|\bnan\b|is usual|as usual|by the own|not known|--|(?<![\d.,])-0\b"
    r"|(?<![\d.,-])1 (?:\w+ )?(?:days|times|hours|minutes|months|songs|visits|views)\b"
    r"|(?<![\d.,-])1 (?:\w+ )?(?:orders|units|products|brands|departments|gaps|transactions)\b"
    r"|(?<![\d.,-])0 times|\b[aA] (?:[aeio]|8|11|18)|[.,;:]$|\(\)|\) ?\("
)


@pytest.fixture(scope="module")
def sentences(run_dbt, tmp_path_factory):
    """Rows of (domain, feature, value, typical value, sentence), from the compiled SQL."""
    home = compiled(
        run_dbt,
        tmp_path_factory.mktemp("phrases"),
        *("--select", "int_churn__features_described", "int_churn__reasons_worded"),
    )
    described, worded = (
        placed(one.sql)
        for one in compiled_stack(home, "churn", "int_churn__reasons_worded")
        if one.name in ("int_churn__features_described", "int_churn__reasons_worded")
    )
    with duckdb.connect() as connection:
        connection.execute("create schema churn")
        connection.execute(f"create table churn.int_churn__features_described as {described}")
        connection.execute("create table given (value double)")
        connection.executemany("insert into given values (?)", [[value] for value in VALUES])
        connection.execute("create table typical (usual_value double)")
        connection.executemany("insert into typical values (?)", [[value] for value in TYPICAL])
        connection.execute(
            """
            create table churn.int_churn__live_runs_selected as
            select 'run' as run_id, date '2020-01-01' as as_of_date;
            create table churn.stg_churn__reasons as
            select
                'run' as run_id, date '2020-01-01' as as_of_date, domain, 'customer' as customer_id,
                row_number() over () as rank, driver_group, feature, 0.5 as contribution_log_odds,
                case when unit = 'yes/no' and value is not null then abs(value) % 2 else value end
                    as value,
                case when unit = 'yes/no' and usual_value is not null
                    then abs(usual_value) / 12.5 else usual_value end as usual_value
            from churn.int_churn__features_described, given, typical
            """
        )
        return connection.execute(
            f"select domain, feature, value, usual_value, sentence from ({worded})"
        ).fetchall()


def test_every_phrase_reads_as_a_sentence_for_every_value(sentences):
    assert len({(domain, feature) for domain, feature, *_ in sentences}) > 180
    broken = [
        row
        for row in sentences
        if not row[-1] or not re.match(r"[A-Z0-9$-]", row[-1]) or BROKEN.search(row[-1])
    ]
    assert broken == []


def test_titles_and_hints_of_actions_need_nothing_filled_in():
    with (PROJECT / "seeds" / "retention_actions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    texts = [row[column] for row in rows for column in ("title", "message_hint")]
    assert [text for text in texts if BROKEN.search(text)] == []


def test_what_a_domain_means_reads_as_a_sentence():
    texts = [
        re.sub(r"\{\w+\}", "2", text)  # a text may name other keys
        for entry in domain_entries().values()
        for text in (
            entry.population,
            entry.not_scored,
            entry.outcome,
            *(rule.because for rule in entry.retention.leave_alone),
        )
    ]
    assert [text for text in texts if BROKEN.search(text)] == []


def test_a_typical_value_is_said_once_and_only_where_it_is_known(sentences):
    for *_, value, usual, sentence in sentences:
        assert sentence.count("typical") <= 1
        if usual is None or value is None:
            assert "typical" not in sentence


@pytest.mark.parametrize(
    ("feature", "value", "usual", "said"),
    [
        ("browsing__viewing_sessions_28d", 0, 12.5, "No visits in 28 days (typical: 13)"),
        ("browsing__visit_days_28d", 2, 1, "Visited on 2 of the last 28 days (typical: 1 day)"),
        (
            "orders__orders_change_90d",
            *(-1, 1),
            "1 fewer order in the last 90 days than in the 90 before (typical: 1 more)",
        ),
        ("profile__first_amount", 1779, 12.5, "First order $1,779 (typical: $13)"),
        ("rhythm__days_overdue", 26.6, 1, "27 days later than they usually reorder"),
        ("rhythm__gaps", 1, 1, "Came back to order once (typical)"),
        (
            "membership__gap_at_last_transaction",
            *(-12, 12.5),
            "Last renewed 12 days before expiry (typical: 13 days after)",
        ),
        (
            "membership__gap_at_last_transaction",
            *(None, 1),
            "Last transaction did not extend the membership",
        ),
        ("payment__is_auto_renew", 0, 0.08, "Auto-renew is off (like 92% of customers)"),
        ("payment__is_auto_renew", 0, 1, "Auto-renew is off (like under 1% of customers)"),
        (
            "listening__seconds_to_own_past",
            *(0, 1),
            "Has stopped listening (listened in the two months before)",
        ),
    ],
)
def test_phrases_are_filled_as_a_marketer_says_it(sentences, feature, value, usual, said):
    assert (feature, value, usual, said) in {row[1:] for row in sentences}
