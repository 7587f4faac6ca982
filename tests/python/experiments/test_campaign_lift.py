"""What campaigns and the plans of a quarter are measured to have changed, where the truth is known.

The SQL is that of the models, over members drawn by a stated process.
"""

import numpy as np
import pandas as pd
import pytest
from lift_models import build, campaign_rows, measured, quarter_rows
from scipy.stats import norm

from pipeline.project.home import PROJECT


def lifts(connection, measure="stayed", slice_="all"):
    return connection.execute(
        "select * from fct_campaign_lift where measure = ? and slice = ? "
        "order by campaign_id, part",
        [measure, slice_],
    ).df()


def checks(connection, kind):
    return connection.execute(
        "select * from int_churn__experiment_checks_made where check_kind = ? order by experiment",
        [kind],
    ).df()


def test_intervals_of_quarters_cover_the_known_effect():
    """400 quarters of three campaigns; 368 is what a true 95 % falls below once in 200 times."""
    connection = measured(quarters=quarter_rows(400, 3, 1500, effect=0.06))
    found = connection.execute(
        "select * from int_churn__experiment_lifts_measured where outcome = 'outcome'"
    ).df()
    assert len(found) == 400
    covers = (found["ci_low"] <= 0.06) & (found["ci_high"] >= 0.06)
    assert covers.sum() >= 368
    # too wide would cover as well: beside the exact width of a difference of these shares
    shares = 0.6 - 0.1 * np.arange(3)
    exact = (
        2
        * 1.96
        * np.sqrt(sum((p * (1 - p) / 300 + (p + 0.06) * (0.94 - p) / 1200) for p in shares) / 9)
    )
    assert (found["ci_high"] - found["ci_low"]).mean() == pytest.approx(exact, rel=0.03)
    assert found["effect"].mean() == pytest.approx(0.06, abs=4 * 0.06 / 20 / 3)


def test_intervals_of_campaigns_cover_and_money_follows():
    connection = measured(campaign_rows(400, 1500, control=0.3, effect=0.05))
    stayed = lifts(connection)
    assert ((stayed["ci_low"] <= 0.05) & (stayed["ci_high"] >= 0.05)).sum() >= 368
    money = lifts(connection, "revenue")
    worth = 0.05 * 49.995  # who stays pays 0 to 99.99
    assert ((money["ci_low"] <= worth) & (money["ci_high"] >= worth)).sum() >= 368
    # fair draws that look unfair by chance, one in a thousand for each kind of check
    assert (stayed["verdict"] == "not_comparable").sum() <= 4
    assert set(stayed["verdict"]) <= {"helped", "not_told", "not_comparable"}
    assert (stayed["n_treat"] + stayed["n_control"]).eq(1500).all()
    np.testing.assert_allclose(stayed["effect_on_delivered"], stayed["effect"])


def test_a_message_that_reaches_half_of_them_does_twice_as_much_to_these():
    rows = campaign_rows(1, 4000, effect=0.1)
    rows["is_delivered"] &= np.arange(4000) % 2 == 0
    (found,) = lifts(measured(rows)).itertuples()
    assert found.effect_on_delivered == pytest.approx(2 * found.effect, rel=0.06)


@pytest.mark.slow
def test_a_draw_of_52_instead_of_50_in_100_is_caught_and_a_fair_one_is_not():
    off = measured(campaign_rows(100, 20_000, control=0.5, drawn=0.52))
    assert (~checks(off, "ratio")["is_fine"]).sum() >= 98
    found = lifts(off)
    assert (found["verdict"] == "not_comparable").sum() >= 98
    assert found.loc[found["verdict"] == "not_comparable", "effect"].isna().all()
    fair = measured(campaign_rows(1000, 1000, control=0.5, seed=3))
    assert (~checks(fair, "ratio")["is_fine"]).sum() <= 3


def test_strata_are_checked_together():
    """One of ten strata is off; the total hides it, and chance alone is told apart."""
    rows = campaign_rows(1, 20_000, control=0.3, seed=5)
    rows["stratum"] = [f"s{number % 10}" for number in range(20_000)]
    off = (rows["stratum"] == "s3") & (np.random.default_rng(1).random(20_000) < 0.12)
    rows.loc[off, "arm"] = "control"
    connection = measured(rows)
    by_stratum = checks(connection, "ratio_of_stratum").set_index("subject")
    assert list(by_stratum.index[~by_stratum["is_fine"]]) == ["s3"]
    (worst,) = lifts(connection).itertuples()
    assert (worst.verdict, worst.failed_check, worst.failed_subject) == (
        "not_comparable",
        "ratio_of_stratum",
        "s3",
    )
    # Holm: the smallest of ten counts ten times
    alone = 2 * norm.sf(abs(by_stratum.loc["s3", "z"]))
    assert by_stratum.loc["s3", "p_value"] == pytest.approx(10 * alone, rel=0.05, abs=1e-6)


@pytest.mark.parametrize("column", ["churn_probability", "customer_value", "revenue_before_cents"])
def test_arms_that_differed_before_have_no_effect(column):
    rows = campaign_rows(1, 10_000, effect=0.1)
    assert lifts(measured(rows))["verdict"].item() == "helped"
    rows[column] = rows[column] * np.where(rows["arm"] == "treat", 1.2, 1.0)
    (found,) = lifts(measured(rows)).itertuples()
    assert (found.verdict, found.failed_check) == ("not_comparable", "balance")
    assert np.isnan(found.effect)


def test_open_outcomes_wait_and_an_interval_at_any_look_is_wider():
    closed = campaign_rows(1, 4000, effect=0.1)
    is_open = closed.assign(is_closed=False)
    is_open["is_churned"] = is_open["is_churned"].astype(object)
    is_open.loc[::2, "is_churned"] = None
    half = closed.iloc[1::2]
    (looked,), (fixed,) = (lifts(measured(rows)).itertuples() for rows in (is_open, half))
    assert looked.effect == pytest.approx(fixed.effect)
    assert looked.n_known == 2000
    assert looked.ci_high - looked.ci_low > 1.2 * (fixed.ci_high - fixed.ci_low)
    assert "running" in looked.method
    assert looked.verdict == "decide_now"
    assert lifts(measured(is_open), "revenue")["effect"].isna().all()
    none = is_open.assign(is_churned=None, effect=0)
    assert lifts(measured(none))["verdict"].item() == "wait"
    quiet = campaign_rows(1, 400).assign(is_closed=False)
    assert lifts(measured(quiet))["verdict"].item() == "wait"


def test_harm_and_nothing_are_told_apart_and_nobody_held_out_cannot_be_told():
    verdict = lambda **more: lifts(measured(campaign_rows(1, 5000, **more)))["verdict"].item()  # noqa: E731
    assert verdict(effect=-0.1) == "harmed"
    assert verdict(effect=0.1) == "helped"
    assert verdict(effect=0.0) == "not_told"
    assert verdict(control=0.0) == "no_control"


def test_strata_with_other_shares_held_out_are_compared_within():
    """Who leaves anyway is held out more often: pooled over strata it would look like an effect."""
    calm = campaign_rows(1, 20_000, control=0.1, stay=0.9, seed=1, stratum="a")
    risky = campaign_rows(1, 20_000, control=0.5, stay=0.4, seed=2, stratum="b")
    risky["customer_id"] = risky["customer_id"] + "r"
    (found,) = lifts(measured(pd.concat([calm, risky]))).itertuples()
    assert abs(found.effect) < 0.02
    assert found.ci_low < 0 < found.ci_high


def test_a_part_that_shows_little_is_drawn_to_the_others():
    rows = campaign_rows(1, 20_000, effect=0.1)
    rows["risk_band"] = ["critical"] * 100 + ["high"] * 10_000 + ["low"] * 9_900
    found = lifts(measured(rows), slice_="risk_band").set_index("part")
    pooled = lifts(measured(rows))["effect"].item()
    far, near = (abs(found.loc["critical", name] - pooled) for name in ("effect", "shrunk_effect"))
    assert near <= far
    assert (
        found["shrunk_effect"]
        .between(found["effect"].min() - 1e-12, found["effect"].max() + 1e-12)
        .all()
    )
    # parts that differ more than chance does keep what they show
    rows = campaign_rows(1, 40_000, effect=0.0)
    saved = (rows["risk_band"] == "high") & (rows["arm"] == "treat")
    rows.loc[saved, "is_churned"] = False
    found = lifts(measured(rows), slice_="risk_band").set_index("part")
    assert found.loc["high", "shrunk_effect"] == pytest.approx(
        found.loc["high", "effect"], abs=0.01
    )


def learned(rows):
    rates = measured(rows).execute("from int_churn__save_rates_learned").df()
    return rates.set_index("action_id").sort_index()


def saved(customers, rate, seed=1, stay=0.6, **more):
    """A campaign in which contacts keep a share of those who would leave."""
    return campaign_rows(
        1, customers, stay=stay, effect=rate * (1 - stay), seed=seed, control=0.3, **more
    )


def test_save_rates_go_from_the_catalogues_to_what_campaigns_show():
    """Prior means are 0.1 and 0.3; the truth is 0.25 of both."""
    few, many = learned(saved(60, 0.25)), learned(saved(60_000, 0.25))
    assert few.loc["call", "save_rate"] == pytest.approx(0.1, abs=0.04)
    assert few.loc["voucher", "save_rate"] == pytest.approx(0.3, abs=0.08)
    for action in ("call", "voucher"):
        found = many.loc[action]
        assert found["save_rate"] == pytest.approx(0.25, abs=4 * found["save_rate_error"])
        assert 0.005 < found["save_rate_error"] < 0.02 < few.loc[action, "save_rate_error"]
    assert many["customers"].sum() == 60_000


def test_the_posterior_is_that_of_both_arms_likelihood():
    """Against the integral over the control's share on a grid of its own, in numpy."""
    rows = saved(3000, 0.3, seed=4)
    found = learned(rows).loc["call"]
    call = rows[rows["action_id"] == "call"]
    treat, control = (call.loc[call["arm"] == arm, "is_churned"] for arm in ("treat", "control"))
    rate = np.linspace(0.0005, 0.9995, 1000)[:, None]
    alone = np.linspace(0.0005, 0.9995, 1000)[None, :]
    log = (
        control.sum() * np.log(alone)
        + (~control).sum() * np.log(1 - alone)
        + treat.sum() * np.log(alone * (1 - rate))
        + (~treat).sum() * np.log(1 - alone * (1 - rate))
    )
    weight = np.exp(log - log.max()).sum(axis=1) * rate[:, 0] * (1 - rate[:, 0]) ** 17
    mean = (weight * rate[:, 0]).sum() / weight.sum()
    error = np.sqrt((weight * (rate[:, 0] - mean) ** 2).sum() / weight.sum())
    assert found["save_rate"] == pytest.approx(mean, abs=0.001)
    assert found["save_rate_error"] == pytest.approx(error, rel=0.02)


def test_two_campaigns_teach_more_than_one_and_those_that_fail_their_checks_nothing():
    one, other = saved(4000, 0.25), saved(4000, 0.25, seed=2, stay=0.8)
    other["campaign_id"] = "another"
    both = learned(pd.concat([one, other]))
    assert (both["save_rate_error"] < learned(one)["save_rate_error"]).all()
    assert both["campaigns"].eq(2).all()
    spoiled = other.assign(arm=np.where(np.arange(4000) % 3 == 0, "treat", other["arm"]))
    alone = learned(pd.concat([one, spoiled]))
    assert alone["campaigns"].eq(1).all()
    assert learned(one.assign(is_closed=False)).empty


def played(members, uses):
    """What playbooks achieved, by name and risk band."""
    connection = measured(members)
    connection.execute(
        "create table stg_churn__playbook_campaigns "
        "(playbook_id varchar, domain varchar, playbook_name varchar, campaign_id varchar)"
    )
    connection.executemany("insert into stg_churn__playbook_campaigns values (?, ?, ?, ?)", uses)
    build(connection, "bi_playbooks", PROJECT / "models/serving/plan/bi_playbooks.sql")
    rows = connection.execute("from bi_playbooks").df()
    return rows.set_index(["playbook_name", "risk_band"]).sort_index()


def test_a_playbook_achieves_what_its_campaigns_do():
    """Of those who would leave a quarter is kept, in two campaigns where others leave."""
    one, other = saved(20_000, 0.25), saved(20_000, 0.25, seed=2, stay=0.8)
    other["campaign_id"] = "another"
    told = played(
        pd.concat([one, other]),
        [("p", "shop", "win back", "c0"), ("p", "shop", "win back", "another")],
    )
    every = told.loc["win back", "all"]
    assert every["save_rate"] == pytest.approx(0.25, abs=0.03)
    assert every["ci_low"] < 0.25 < every["ci_high"] < every["ci_low"] + 0.08
    assert (every["campaigns"], every["customers_treated"] + every["customers_control"]) == (
        2,
        40_000,
    )
    assert set(told.loc["win back"].index) == {"all", "critical", "high", "low"}
    # one campaign by itself: the ratio of shares, with the interval of its logarithm
    alone = played(one, [("p", "shop", "win back", "c0")]).loc["win back", "all"]
    arms = [one.loc[one["arm"] == arm, "is_churned"] for arm in ("treat", "control")]
    ratio = arms[0].mean() / arms[1].mean()
    error = np.sqrt(sum((1 - arm.mean()) / arm.sum() for arm in arms))
    assert alone["save_rate"] == pytest.approx(1 - ratio, abs=1e-9)
    assert alone["ci_low"] == pytest.approx(1 - ratio * np.exp(1.96 * error), abs=1e-4)


def test_campaigns_that_are_open_or_not_comparable_are_not_a_playbooks():
    uses = [("p", "shop", "win back", "c0")]
    assert played(saved(4000, 0.25).assign(is_closed=False), uses).empty
    spoiled = saved(4000, 0.25)
    spoiled["arm"] = np.where(np.arange(4000) % 3 == 0, "treat", spoiled["arm"])
    assert played(spoiled, uses).empty
