"""What the page of campaigns says of their results."""

from streamlit.testing.v1 import AppTest


def shown(row, what):
    """What a part of the result shows of a published row."""

    def script(row, what):
        from app.viewer import campaign_result

        getattr(campaign_result, what)(row)

    app = AppTest.from_function(script, args=(row, what), default_timeout=60).run()
    assert not app.exception
    return " ".join(part.value for part in (*app.info, *app.caption))


SIGN = {
    "early_sign_on": "2020-02-03",
    "early_sign": -0.031,
    "early_sign_low": -0.052,
    "early_sign_high": -0.01,
}
LIFT = {
    "customers_scored": 10_000,
    "coverage": 0.25,
    "global_lift": 0.02,
    "global_lift_low": 0.005,
    "global_lift_high": 0.035,
}


def test_an_early_sign_says_that_it_is_not_an_effect():
    told = shown(SIGN, "_early_sign")
    assert told.startswith("Early sign, not an effect")
    assert "-3.1 points" in told and "-5.2 to -1.0" in told
    # before its day, without groups to compare, and in what was published before it was measured
    for row in ({**SIGN, "early_sign_on": None}, {**SIGN, "early_sign": None}, {}):
        assert shown(row, "_early_sign") == ""


def test_the_lift_over_all_customers_names_whom_it_covers():
    told = shown(LIFT, "_everybody")
    assert "25.0% of the 10,000 scored customers" in told
    assert "+2.00 (95% interval: +0.50 to +3.50) more of 100 stayed" in told
    for row in ({**LIFT, "global_lift": None}, {}):
        assert shown(row, "_everybody") == ""


def test_the_quarters_have_it_as_well():
    import pandas as pd

    from app.viewer.campaign_result import _over_everybody

    (title,) = told = _over_everybody(pd.DataFrame([LIFT, {**LIFT, "global_lift": None}]))
    assert "100 scored customers" in title
    assert told[title] == ["+2.00 (95% interval: +0.50 to +3.50)", ""]
    assert _over_everybody(pd.DataFrame([{"effect": 0.1}])) == {}
