"""What contacts changed for all scored customers: effect times coverage."""

import numpy as np
import pandas as pd
import pytest
from lift_models import build, campaign_rows, measured, quarter_rows

from pipeline.project.home import PROJECT

SERVING = PROJECT / "models/serving/plan"


def built(campaigns=None, quarters=None, scored=(), published=()):
    """`bi_campaigns` and `bi_retention_earned`.

    Args:
        campaigns: Members of campaigns on scores of the run of their name.
        quarters: Members of periods.
        scored: Run, cut-off and number of customers scored.
        published: As `scored`, in the history of what was published.
    """
    members = campaign_rows() if campaigns is None else campaigns
    sent = {"message_state": "delivered", "spend_cents": 100, "profit_cents": 0}
    connection = measured(members.assign(is_cooling=False, **sent), quarters)
    connection.execute(
        """
        create table stg_churn__campaigns as
        select distinct domain, campaign_id, campaign_id as campaign_name,
            'running' as campaign_status, as_of_date, timestamp '2020-01-01 09:00' as launched_at,
            'csv' as destination, 1000 as budget_cents, campaign_id as run_id
        from int_churn__campaign_members_followed;
        create table int_churn__plan_settings_resolved as select 'shop' as domain,
            0.5 as gross_margin;
        create table codes (kind varchar, code varchar, title varchar);
        create table fct_churn_scores
            (run_id varchar, domain varchar, as_of_date date, customer_id varchar);
        create table stg_churn__published_customers as from fct_churn_scores
        """
    )
    tables = {"fct_churn_scores": scored, "stg_churn__published_customers": published}
    for table, rows in tables.items():
        for run, day, customers in rows:
            connection.execute(
                f"insert into {table} select ?, 'shop', ?, 'c' || n from range(?) as r (n)",
                [run, day, customers],
            )
    build(connection, "campaigns/int_churn__experiment_cohorts_counted")
    connection.execute(
        "create table fct_campaign_early_sign (campaign_id varchar, early_on date, "
        "score_change double, ci_low double, ci_high double)"
    )
    for table in ("bi_campaigns", "bi_retention_earned"):
        build(connection, table, SERVING / f"{table}.sql")
    return connection


def campaigns_of(rows, scored, published=()):
    return built(rows, scored=scored, published=published).execute("from bi_campaigns").df()


def test_a_campaigns_global_lift_is_its_effect_over_the_whole_cohort():
    """Half of 4,000 members are contacted, of 10,000 whom the run scored on that day."""
    rows = campaign_rows(1, 4000, effect=0.1)
    day = rows["as_of_date"].iloc[0]
    (found,) = campaigns_of(
        rows, [("c0", day, 10_000), ("c0", day + pd.Timedelta(days=1), 12_000), ("other", day, 70)]
    ).itertuples()
    assert found.customers_scored == 10_000
    assert found.coverage == pytest.approx((rows["arm"] == "treat").mean() * 0.4)
    assert found.global_lift == pytest.approx(found.effect * found.coverage)
    # as many customers as the campaign kept, of all
    assert found.global_lift * 10_000 == pytest.approx(found.customers_kept)
    assert found.global_lift_low == pytest.approx(found.ci_low * found.coverage)
    assert found.global_lift_high == pytest.approx(found.ci_high * found.coverage)
    assert found.global_lift_low < 0.1 * found.coverage < found.global_lift_high


def test_what_was_published_tells_who_was_scored_once_the_scores_are_gone():
    rows = campaign_rows(1, 4000, effect=0.1)
    day = rows["as_of_date"].iloc[0]
    before, other = day - pd.Timedelta(days=1), ("other", day, 70)
    published = [("c0", day, 10_000), ("c0", before, 9_000), other]
    (found,) = campaigns_of(rows, [other], published).itertuples()
    assert found.customers_scored == 10_000
    # scores that are there count, and once
    (found,) = campaigns_of(rows, [("c0", day, 10_500)], published).itertuples()
    assert found.customers_scored == 10_500


def test_without_an_effect_or_a_cohort_there_is_no_global_lift():
    rows = campaign_rows(1, 4000, effect=0.1)
    day = rows["as_of_date"].iloc[0]
    (unknown,) = campaigns_of(rows, []).itertuples()
    assert unknown.effect > 0 and np.isnan(unknown.global_lift) and np.isnan(unknown.coverage)
    rows["customer_value"] *= np.where(rows["arm"] == "treat", 1.2, 1.0)
    (differ,) = campaigns_of(rows, [("c0", day, 10_000)]).itertuples()
    assert differ.verdict_code == "not_comparable"
    assert np.isnan(differ.global_lift) and np.isnan(differ.global_lift_high)
    assert differ.coverage > 0


def test_a_quarter_counts_a_customer_once_a_period():
    quarters = quarter_rows(1, 3, 1500, effect=0.06)
    days = sorted(quarters["as_of_date"].unique())
    # arms of the first period were drawn on two days, and half of the customers were scored on both
    again = quarters["period_start"].eq(days[0]) & (np.arange(len(quarters)) % 2 == 0)
    later = days[0] + pd.Timedelta(days=3)
    quarters.loc[again, "as_of_date"] = later
    scored = [("run", day, 5000) for day in days] + [("run", later, 6000)]
    (found,) = (
        built(campaign_rows(1, 100), quarters, scored)
        .execute("from bi_retention_earned")
        .df()
        .itertuples()
    )
    assert found.customers_scored == 6000 + 5000 + 5000
    assert found.coverage == pytest.approx(found.customers_treated / 16_000)
    assert found.global_lift == pytest.approx(found.effect * found.coverage)
    assert found.global_lift_low == pytest.approx(found.ci_low * found.coverage)
    assert found.global_lift_low < found.global_lift < found.global_lift_high
