"""Segments side by side; every bar leads to its people, and can be an audience."""

import pytest
import streamlit as st
from viewer_pages import TITLES, addressed, ask, charts_of, opened, text_of

from app.viewer import words

PAIRS = {
    "kkbox": ("Auto-renew off", "Listening: silent for 28 days"),
    "ecommerce": ("Rhythm: long overdue", "Visits: no visit in 28 days"),
}
WHERE = {
    "kkbox": (
        "ladder_part = 'auto-renew off'",
        "customer_id in (select customer_id from bi_customer_segments where domain = 'kkbox' "
        "and segment = 'listening' and segment_value_code = 'below_1')",
    ),
    "ecommerce": (
        "customer_id in (select customer_id from bi_customer_segments "
        "where segment = 'rhythm' and segment_value_code = 'from_2')",
        "customer_id in (select customer_id from bi_customer_segments "
        "where segment = 'visits' and segment_value_code = 'below_1')",
    ),
}


def compared(domain):
    first, second = PAIRS[domain]
    return addressed("segments", TITLES[domain], a=first, b=second)


@pytest.mark.parametrize("domain", TITLES)
def test_two_segments_have_the_figures_of_the_tables(published_demo, domain):
    page = compared(domain)
    assert not page.exception
    table = page.dataframe[0].value.set_index("Measure")
    for column, where in zip(("a", "b"), WHERE[domain], strict=True):
        ((customers, risk, leaving),) = published_demo(
            "select count(*), avg(churn_probability), sum(churn_probability) "
            f"from bi_customer_360 where domain = ? and {where}",
            domain,
        )
        assert customers
        assert table.loc["Customers", column] == f"{customers:,}"
        assert table.loc["Mean risk", column] == words.percent(risk, 1)
        assert table.loc["Expected to leave", column] == f"{leaving:,.0f}"
    first, second = WHERE[domain]
    ((both,),) = published_demo(
        f"select count(*) from bi_customer_360 where domain = ? and {first} and {second}", domain
    )
    assert both
    assert f"{words.count(both, 'customer')} in both" in text_of(page)


@pytest.mark.parametrize("domain", TITLES)
def test_every_chart_has_a_text_and_a_bar_can_be_clicked(published_demo, domain):
    charts = charts_of(compared(domain))
    assert len(charts) >= 3
    for chart in charts:
        assert len(chart["description"]) > 40
    assert sum("params" in chart for chart in charts) >= 3


def test_a_click_on_a_bar_leads_to_its_people_and_makes_an_audience(served, monkeypatch):
    clicks = {"bands_kkbox": {"band": "high", "place": 0}}
    monkeypatch.setattr(
        st,
        "altair_chart",
        lambda chart, key=None, **_: {"selection": {"bar": [clicks[key]] if key in clicks else []}},
    )
    page = addressed("segments", "KKBox", a="Auto-renew off", b="Auto-renew on")
    assert not page.exception
    (row,) = served.rows(
        "select count(*) as customers from serving.bi_customer_360 where domain = 'kkbox' "
        "and ladder_part = 'auto-renew off' and risk_band = 'high'"
    )
    (link,) = [one for one in page.get("page_link") if "high" in one.proto.label]
    assert words.count(row["customers"], "customer") in link.proto.label
    people = addressed("customers", "KKBox", **asked_of(link.proto.query_string))
    assert f"**{words.count(row['customers'], 'customer')}**" in text_of(people)

    next(one for one in page.text_input if "band" in str(one.key)).set_value("high, no auto-renew")
    next(one for one in page.button if one.label == "Save").click().run()
    assert not page.exception
    (kept,) = served.items("/v1/kkbox/audiences")
    assert kept["filter"] == {"segment": ["auto-renew off"], "band": ["high"]}
    # an audience can be compared like any segment
    assert "Audience: high, no auto-renew" in opened("segments", "KKBox").selectbox(key="a").options
    # and a plan can be for it, but not for one that limits the ladder twice
    twice = {"segment": ["auto-renew off"], "part": ["ladder:auto_renew_on"]}
    assert served.put("/v1/kkbox/audiences/twice", json={"filter": twice}).status_code == 200
    page = opened("plan", "KKBox")
    assert "twice" not in page.selectbox(key="draft_kkbox_audience").options
    page.selectbox(key="draft_kkbox_audience").set_value("high, no auto-renew").run()
    assert not page.exception
    draft = served.post(
        "/v1/kkbox/plans",
        json={"filter": {"bands": ["high"], "parts": ["ladder:auto_renew_off"]}},
    ).json()
    assert draft["customers"] == row["customers"]
    (contacted,) = [one.value for one in page.metric if one.label == "To contact"]
    assert contacted == f"{draft['budget']['customers']:,}"


def asked_of(query):
    from urllib.parse import parse_qs

    return {
        key: values if len(values) > 1 else values[0]
        for key, values in parse_qs(query).items()
        if key != "business"
    }


@pytest.mark.parametrize("key", ["a", "b"])
def test_an_unknown_segment_in_an_address_shows_nothing(published_demo, key):
    page = addressed("segments", "KKBox", **{key: "Lions"})
    assert not page.exception
    assert "“Lions”" in page.error[0].value and "Nothing is shown" in page.error[0].value
    assert not page.dataframe
    page.button[0].click().run()
    assert page.dataframe and not page.error


def test_the_spikes_of_a_billing_outage_are_explained(published_demo):
    page = addressed("segments", "KKBox", a="Auto-renew on", b="Auto-renew off")
    (trend,) = [one for one in charts_of(page) if "by cohort" in one["description"]]
    # a segment has the same colour in every chart
    assert trend["layer"][0]["encoding"]["color"]["scale"]["domain"] == [
        "Auto-renew on",
        "Auto-renew off",
    ]
    for said in (trend["description"], text_of(page)):
        assert "Billing outage of payment method 39" in said
        assert "1 March 2016" in said or "01 March 2016" in said


@pytest.mark.parametrize("domain", ["kkbox", "ecommerce"])
def test_the_people_of_a_driver_are_those_of_its_bar(demo, monkeypatch, domain):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    page = opened("drivers", TITLES[domain])
    assert not page.exception
    (chosen,) = [box for box in page.selectbox if box.label == "Driver"]
    ((customers,),) = ask(
        demo[0],
        "select count(distinct customer_id) from bi_churn_reasons "
        "inner join bi_churn_risk using (domain, customer_id) where domain = ? "
        "and driver_group = ? and direction = 'raises' and strength <> 'weak' "
        "and is_actionable and not is_typical and is_at_risk",
        domain,
        chosen.value,
    )
    assert customers > 0
    links = [link.proto.label for link in page.get("page_link")]
    assert any(f"See the {words.count(customers, 'customer')}" in label for label in links), links


def test_a_campaign_is_marked_on_the_trend_of_segments(changed):
    changed(
        "insert into serving.bi_campaigns by name select 'kkbox' as domain, 'c' as campaign_id, "
        "'spring offers' as campaign_name, date '2017-01-01' as as_of_date"
    )
    page = addressed("segments", "KKBox", a="Auto-renew off", b="Auto-renew on")
    assert "Campaign: spring offers" in text_of(page)
    # not that of another business, and not before the chart begins
    page = addressed("segments", "Online shop")
    assert "spring offers" not in text_of(page)
