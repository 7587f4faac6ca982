"""The compiled SQL of KKBox's labels and features beside a second implementation in plain Python.

Both read the same made-up members. What differs is told with member, cut-off, column, both values
and the smallest history that shows it.
"""

from collections import Counter
from datetime import date, timedelta

import pytest
from hypothesis import strategies as st
from reference.agree import agree, agree_on_many, described_columns, noticed
from reference.kkbox_edges import AT_THE_EDGES, CUT_OFFS, LONG_AFTER
from reference.kkbox_histories import make_world
from reference.kkbox_labels import a_month_after
from reference.kkbox_marts import Features, Labels
from reference.stack import compiled_once

from pipeline.warehouse.compiled_sql import compiled_stack


@st.composite
def worlds(draw, members, with_logs):
    """Arguments of make_world. One cut-off is special: coverage and knowledge end around it."""
    cut_offs = draw(st.lists(st.sampled_from(CUT_OFFS), min_size=1, max_size=3, unique=True))
    cut_off = cut_offs[0]

    def back(*days):
        return draw(
            st.sampled_from([None, *days]).map(
                lambda age: None if age is None else cut_off - timedelta(days=age)
            )
        )

    # A cohort's last member expires a month later less a day; outcomes take 30 or 31 days more.
    closing = a_month_after(cut_off) + timedelta(days=draw(st.sampled_from([10, 28, 29, 30, 31])))
    late = cut_off + timedelta(days=200)
    early = cut_off - timedelta(days=draw(st.sampled_from([0, 1])))
    arguments = {
        "seed": draw(st.integers(0, 2**32 - 1)),
        "members": members,
        "cut_offs": cut_offs,
        "known_before": draw(st.sampled_from([closing, closing, late, late, early])),
    }
    if with_logs:
        # 122 and 396 days leave a month and a day before the windows of 90 and 365
        arguments |= {
            "payments_from": back(89, 90, 91, 122, 364, 365, 366, 396),
            "payments_before": back(2, 3, 4),
            "logs_from": back(*(7, 8, 14, 27, 28, 29, 55, 56, 57, 89, 90, 91, 392, 393, 394)),
            "logs_before": back(-1, 0, 2, 3, 4, 30),
            "with_logs": draw(st.sampled_from([True, True, True, True, True, False])),
        }
    else:
        arguments["with_logs"] = False
    return arguments


@pytest.fixture(scope="session")
def compiled_kkbox(run_dbt, tmp_path_factory):
    """The Home in which dbt compiled KKBox's models."""
    return compiled_once(run_dbt, tmp_path_factory)


@pytest.fixture(scope="session")
def labels(compiled_kkbox):
    return Labels(compiled_stack(compiled_kkbox, "kkbox", "kkbox__labels"))


@pytest.fixture(scope="session")
def features(compiled_kkbox):
    return Features(compiled_stack(compiled_kkbox, "kkbox", "kkbox__churn_examples"))


# ---------------------------------------------------------------------- labels


def test_labels_agree_on_2_000_histories(labels):
    count, _ = agree_on_many(labels, worlds(500, False), make_world, 4)
    assert count == 2_000


@pytest.mark.long
def test_labels_agree_on_40_000_histories(labels):
    count, rows = agree_on_many(labels, worlds(800, False), make_world, 50)
    assert count == 40_000
    outcomes = Counter(row["is_churned"] for row in rows)
    assert min(outcomes[True], outcomes[False], outcomes[None]) > 1_000


@pytest.mark.parametrize("late", [28, 29, 30, 31])
def test_cohorts_close_on_the_same_day(labels, late):
    """The last member expires a day before the month is over; then 30 or 31 days decide."""
    cut_off = date(2016, 5, 1)
    closing = a_month_after(cut_off) + timedelta(days=late)
    world = make_world(late, 400, [cut_off], closing, with_logs=False)
    is_open = {
        definition: row["is_churned"] is None
        for (_, _, definition), row in agree(world, labels).items()
    }
    assert is_open == {"lapse": late < 29, "kaggle_rule": late < 30}


# -------------------------------------------------------------------- features


def test_the_reference_has_every_feature_of_the_mart(features):
    world = make_world(7, 20, [date(2016, 5, 1)], LONG_AFTER)
    row = next(iter(features.reference(world).values()))
    assert sorted(described_columns("kkbox")) == sorted(("customer_id", "as_of_date", *row))


def test_features_agree_on_1_000_histories(features):
    count, _ = agree_on_many(features, worlds(200, True), make_world, 5)
    assert count == 1_000


@pytest.mark.long
def test_features_agree_on_12_000_histories(features):
    count, rows = agree_on_many(features, worlds(300, True), make_world, 40)
    assert count == 12_000
    # comparing a column that never changes would compare nothing
    constant = {name for name in rows[0] if len({row[name] for row in rows}) == 1}
    # in a cohort, the last transaction lies before the cut-off and its expiry does not
    assert constant == {"domain", "payment__is_last_expiry_before_transaction"}


@pytest.mark.parametrize("edge", AT_THE_EDGES)
def test_features_agree_where(features, edge):
    assert len(agree(make_world(**AT_THE_EDGES[edge]), features)) > 100


def test_labels_agree_where_labels_are_on_record(labels):
    rows = agree(make_world(**AT_THE_EDGES["labels are on record"]), labels)
    counts = Counter((definition, cut_off) for _, cut_off, definition in rows)
    assert len(counts) == 8
    assert min(counts.values()) > 50


# --------------------------------------------------------------------- mutants

# model, its words, other words: what the comparison has to notice
MUTANTS = {
    "lapse: day 30 is kept": (
        "int_subscription__lapse_labels_derived",
        ">= 30 as is_churned",
        ">= 31 as is_churned",
    ),
    "lapse: a purchase on the cut-off is not seen": (
        "int_subscription__lapse_labels_derived",
        "cohort.as_of_date <= periods.transacted_on",
        "cohort.as_of_date < periods.transacted_on",
    ),
    "lapse: cancels after the renewal pull": (
        "int_subscription__lapse_labels_derived",
        "position < renewal_position, true) as is_before_renewal",
        "position != renewal_position, true) as is_before_renewal",
    ),
    "kaggle_rule: day 30 is too late": (
        "int_kkbox__kaggle_rule_labels_derived",
        "cast(31 as integer)) > payments.transacted_on",
        "cast(30 as integer)) > payments.transacted_on",
    ),
    "kaggle_rule: a free row is a payment": (
        "int_kkbox__kaggle_rule_labels_derived",
        "amount_paid > 0",
        "amount_paid >= 0",
    ),
    "a cohort closes with its first member": (
        "int_subscription__labels_closed",
        "max(label_known_on)",
        "min(label_known_on)",
    ),
    "prices of one day in rising order": (
        "int_subscription__periods_ordered",
        "day_order desc",
        "day_order asc",
    ),
    "cancels of one day by rising expiry": (
        "int_subscription__periods_ordered",
        "expires_on end desc",
        "expires_on end asc",
    ),
    "the cohort holds the first of the next month": (
        "int_subscription__cohorts_selected",
        "where periods.expires_on <",
        "where periods.expires_on <=",
    ),
    "a window of 91 days": (
        "int_subscription__history_summarised",
        "days_before <= 90 then 1 end) as transactions_90d",
        "days_before <= 91 then 1 end) as transactions_90d",
    ),
    "a window of 6 days": (
        "int_subscription__usage_summarised",
        "days_before <= 7 then 1 end) as active_days_7d",
        "days_before < 7 then 1 end) as active_days_7d",
    ),
    "seconds cut, not rounded": ("stg_kkbox__user_logs", "round(", "trunc("),
    "rows with a missing amount are never duplicates": (
        "int_subscription__periods_ordered",
        "amount_paid is not distinct from previous_amount_paid",
        "amount_paid = previous_amount_paid",
    ),
    "an outage is known on its first day": (
        "int_kkbox__methods_featured",
        "> outages.known_from",
        ">= outages.known_from",
    ),
}


@pytest.fixture(scope="session")
def looked_at(labels, features):
    """A world that shows every mutant, and the reference's answers to it."""
    cut_offs = [date(2016, 3, 1), date(2016, 3, 15), date(2016, 3, 16)]
    world = make_world(6, 700, cut_offs, date(2016, 5, 5))
    return world, labels.reference(world), features.reference(world)


@pytest.mark.parametrize("mutant", MUTANTS)
def test_the_comparison_notices(labels, features, looked_at, mutant):
    world, *expected = looked_at
    assert noticed(world, list(zip((labels, features), expected, strict=True)), MUTANTS[mutant])
