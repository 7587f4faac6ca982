"""What pages add up to is what the published tables add up to, read off the pages."""

import re

import pytest
from viewer_pages import TITLES, ask, opened, text_of

from app.viewer import words

CURRENCY = {"kkbox": "NT$", "ecommerce": "$"}


@pytest.fixture(params=TITLES)
def domain(request, demo, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    return request.param


@pytest.fixture
def table(demo, domain):
    """One row of a query on a domain's published tables; $1 is the domain."""

    def row(sql):
        (found,) = ask(demo[0], sql, domain)
        return found

    return row


def figures(page):
    assert not page.exception
    return {metric.label: metric.value for metric in page.metric}


def test_totals_on_every_page_are_those_of_the_tables(domain, table):
    def money(amount):
        return words.money(amount, CURRENCY[domain])

    # of the customers
    scored, at_risk, value, expected, all_value = table(
        "select count(*), count(*) filter (where is_at_risk), "
        "sum(value_at_risk) filter (where is_at_risk), sum(churn_probability), sum(value_at_risk) "
        "from bi_customer_360 where domain = $1 and not coalesce(already_cancelled, false)"
    )
    # of the plan, from the lists that people get
    contact, spend, profit = table(
        "select count(*), sum(expected_spend), sum(expected_profit) from bi_churn_actions "
        "where domain = $1 and decision = 'treat'"
    )
    control, forgone = table(
        "select count(*), sum(expected_profit) from bi_churn_actions "
        "where domain = $1 and decision = 'hold_out'"
    )
    today = figures(opened("today", TITLES[domain]))
    assert today["Customers at risk"] == f"{at_risk:,}"
    assert today["Value at risk"] == money(value)
    assert today["To contact"] == f"{contact:,}"
    assert today["Expected profit"] == money(profit)

    listed = figures(opened("customers", TITLES[domain]))
    assert listed["Customers"] == f"{scored:,}"
    assert listed["Expected to leave"] == f"{expected:,.0f}"
    assert listed["Value at risk"] == money(all_value)

    page = opened("plan", TITLES[domain])
    plan = figures(page)
    assert plan["To contact"] == f"{contact:,}"
    assert plan["Control group"] == f"{control:,}"
    assert plan["Expected spend"] == money(spend)
    assert plan["Expected profit"] == money(profit)
    assert words.in_markdown(f"earn {money(forgone)}") in text_of(page)
    actions = next(t.value for t in page.dataframe if "expected_customers_kept" in t.value)
    assert actions["customers"].sum() == contact
    assert actions["expected_profit"].sum() == pytest.approx(profit)

    # of outcomes: the back-test adds up to its own table
    tested, left = table(
        "select count(*), count(*) filter (where is_churned) from bi_churn_backtest "
        "where domain = $1"
    )
    said = text_of(opened("quality", TITLES[domain]))
    assert re.search(rf"{tested:,} customers", said)
    assert re.search(rf"\b{left:,}\b", said)
