"""An early sign of a campaign: how scores changed, before any outcome is known."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from lift_models import build, campaign_rows, measured

# The launch of `campaign_rows`' campaigns: two days after the cut-off of their scores.
LAUNCH = pd.Timestamp("2020-01-03")
EARLY = LAUNCH + timedelta(days=30)


def open_rows(campaigns=1, customers=4000, **more):
    """Members whose outcomes are open for two months."""
    rows = campaign_rows(campaigns, customers, known=False, **more)
    return rows.assign(is_churned=None, closes_on=pd.Timestamp("2020-03-05").date())


def later_scores(rows, change, day=EARLY, run="run", seed=3):
    """Scores of all members on a later day: those of the launch, noise, and a change by arm."""
    noise = np.random.default_rng(seed).normal(0, 0.1, len(rows))
    moved = rows["churn_probability"] + noise + np.where(rows["arm"] == "treat", change, 0)
    return pd.DataFrame(
        {
            "run_id": run,
            "as_of_date": day.date(),
            "customer_id": rows["customer_id"],
            "churn_probability": moved,
        }
    )


def signs(rows, scores, published=None):
    """The rows of `fct_campaign_early_sign`.

    Args:
        rows: Members.
        scores: Later scores.
        published: Run, cut-off and moment of what was published; that of the scores without it.
    """
    connection = measured(rows)
    connection.execute(
        "create table stg_churn__campaigns as select distinct domain, campaign_id, "
        f"timestamp '{LAUNCH}' + interval 9 hour as launched_at "
        "from int_churn__campaign_members_followed"
    )
    connection.register("later", scores)
    connection.execute("create table fct_churn_scores as from later")
    if published is None:
        published = [
            (run, day, day)
            for run, day in scores[["run_id", "as_of_date"]]
            .drop_duplicates()
            .itertuples(index=False)
        ]
    connection.execute(
        "create table int_churn__published_scorings_selected "
        "(domain varchar, run_id varchar, as_of_date date, scored_at timestamp)"
    )
    for row in published:
        connection.execute(
            "insert into int_churn__published_scorings_selected values ('shop', ?, ?, ?)", row
        )
    for model in ("campaigns/int_churn__early_scores_compared", "marts/fct_campaign_early_sign"):
        build(connection, model)
    return connection.execute("from fct_campaign_early_sign").df()


def test_it_is_the_difference_of_the_changes_of_both_groups():
    rows = open_rows()
    scores = later_scores(rows, -0.05)
    (found,) = signs(rows, scores).itertuples()
    change = scores["churn_probability"] - rows["churn_probability"]
    treat, control = (change[rows["arm"] == arm] for arm in ("treat", "control"))
    assert found.score_change == pytest.approx(treat.mean() - control.mean(), abs=1e-6)
    error = np.sqrt(treat.var() / len(treat) + control.var() / len(control))
    assert found.ci_low == pytest.approx(found.score_change - 1.96 * error, abs=1e-5)
    assert found.ci_high == pytest.approx(found.score_change + 1.96 * error, abs=1e-5)
    assert found.early_on == EARLY and found.is_comparable
    assert (found.treat_scored, found.control_scored) == (len(treat), len(control))


def test_its_interval_covers_the_change_that_is_there():
    """400 campaigns; 368 is what a true 95 % falls below once in 200 times."""
    rows = open_rows(400, 300, control=0.3)
    # scores are of customers: give each campaign its own
    rows["customer_id"] = rows["campaign_id"] + "/" + rows["customer_id"]
    found = signs(rows, later_scores(rows, -0.02))
    found = found[found["is_comparable"]]
    assert len(found) >= 396
    assert ((found["ci_low"] <= -0.02) & (found["ci_high"] >= -0.02)).sum() >= 368


def test_there_is_none_before_30_days_have_passed():
    rows = open_rows()
    assert signs(rows, later_scores(rows, -0.05, EARLY - timedelta(days=1))).empty
    # a day that was scored for study and not published is no cut-off
    assert signs(rows, later_scores(rows, -0.05), published=[]).empty
    # the first one from then on counts, as it was scored last
    day = (EARLY + timedelta(days=2)).date()
    scores = pd.concat(
        [
            later_scores(rows, -0.05, EARLY + timedelta(days=2), "again"),
            later_scores(rows, 0.3, EARLY + timedelta(days=2), "before"),
            later_scores(rows, 0.3, EARLY + timedelta(days=9), "later"),
        ]
    )
    at = pd.Timestamp("2020-02-20")
    found = signs(
        rows,
        scores,
        [
            ("again", day, at + timedelta(hours=1)),
            ("before", day, at),
            ("later", day + timedelta(days=7), at + timedelta(days=7)),
        ],
    )
    assert found["score_change"].item() == pytest.approx(-0.05, abs=0.02)
    assert found["early_on"].item().date() == day


def test_it_goes_once_there_is_the_outcome():
    rows = open_rows()
    scores = later_scores(rows, -0.05)
    assert not signs(rows, scores).empty
    closed = campaign_rows(1, 4000).assign(closes_on=pd.Timestamp("2020-03-05").date())
    assert signs(closed, scores).empty
    # scored on the planned end: the outcome is about to be there
    assert signs(rows.assign(closes_on=EARLY.date()), scores).empty


@pytest.mark.parametrize("why", ["ratio", "balance", "scored"])
def test_groups_that_cannot_be_compared_have_none(why):
    rows = open_rows(drawn=0.44 if why == "ratio" else None)
    if why == "balance":
        rows["customer_value"] *= np.where(rows["arm"] == "treat", 1.2, 1.0)
    scores = later_scores(rows, -0.05)
    if why == "scored":  # contacted customers leave the list of those who are scored
        scores = scores[(rows["arm"] == "control") | (np.arange(len(rows)) % 10 > 0)]
    (found,) = signs(rows, scores).itertuples()
    assert not found.is_comparable
    assert np.isnan([found.score_change, found.ci_low, found.ci_high]).all()


def test_members_who_are_not_scored_any_more_by_chance_do_no_harm():
    rows = open_rows()
    scores = later_scores(rows, -0.05)
    (found,) = signs(rows, scores[np.random.default_rng(5).random(len(rows)) < 0.5]).itertuples()
    assert found.is_comparable and found.treat_scored < 0.6 * found.treat
    assert found.ci_low < -0.05 < found.ci_high


def test_nobody_held_out_has_no_early_sign():
    rows = open_rows(control=0.0)
    (found,) = signs(rows, later_scores(rows, -0.05)).itertuples()
    assert np.isnan(found.score_change)
