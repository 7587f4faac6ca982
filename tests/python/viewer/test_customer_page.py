"""The page of one customer: what the customer is, what changed, and why this action."""

import json
from datetime import date

import pytest
from viewer_pages import TITLES, charts_of, opened, text_of

from app.viewer import words
from app.viewer.alternatives import CHOSEN
from app.viewer.plain import plain
from pipeline.retention import decisions


def treated(ask, domain):
    ((customer, action, profit),) = ask(
        "select customer_id, action_title, expected_profit from bi_churn_actions "
        "where domain = ? and decision = 'treat' order by expected_profit desc, 1 limit 1",
        domain,
    )
    return customer, action, profit


@pytest.mark.parametrize("domain", TITLES)
def test_a_customer_is_told_by_plan_orders_and_spend(published_demo, domain):
    customer, *_ = treated(published_demo, domain)
    said = text_of(opened("customer", TITLES[domain], customer=customer))
    column = {"kkbox": "payment__amount_365d", "ecommerce": "orders__amount_365d"}[domain]
    label = {"kkbox": "Paid in a year", "ecommerce": "Spent in a year"}[domain]
    ((amount,),) = published_demo(
        f"select {column} from bi_{domain}_customers where customer_id = ?", customer
    )
    money = words.money(amount, {"kkbox": "NT$", "ecommerce": "$"}[domain])
    assert f"{label}  \n**{plain(money)}**" in said
    assert "Last contact  \n**none reported**" in said


def test_the_last_contact_is_the_one_that_was_reported(demo_copy, monkeypatch, published_demo):
    customer, *_ = treated(published_demo, "kkbox")
    monkeypatch.setenv("CHURN_HOME", str(demo_copy.root))
    days = [date(2017, 2, 1), date(2017, 3, 5), date(2017, 1, 9)]
    decisions.note_contacts(demo_copy, "kkbox", [(customer, day, "") for day in days])
    said = text_of(opened("customer", "KKBox", customer=customer))
    assert "Last contact  \n**5 March 2017**" in said


@pytest.mark.parametrize("domain", TITLES)
def test_every_other_action_says_why_not(published_demo, domain):
    customer, action, profit = treated(published_demo, domain)
    page = opened("customer", TITLES[domain], customer=customer)
    table = next(one.value for one in page.dataframe if "why" in one.value)
    assert len(table) >= 4 and table["why"].notna().all()
    (chosen,) = table[table["why"] == CHOSEN].to_dict("records")
    assert chosen["title"] == action
    assert chosen["expected_profit"] == f"{profit:,.2f}"
    for row in table.to_dict("records"):
        if row["why"] == "Would earn less":
            assert float(row["expected_profit"].replace(",", "")) <= profit
        if row["expected_profit"] == "not valued":
            assert row["why"].startswith(("Only for", "Does not fit", "The plan leaves"))


def test_a_first_score_is_compared_with_nothing(published_demo):
    customer, *_ = treated(published_demo, "kkbox")
    said = text_of(opened("customer", "KKBox", customer=customer))
    assert "There is nothing to compare it with" in said
    assert "same model" not in said and "trained again" not in said


@pytest.mark.parametrize("is_same", [True, False])
def test_scores_are_compared_only_if_one_model_gave_both(changed, published_demo, is_same):
    customer, *_ = treated(published_demo, "kkbox")
    run = "run_id" if is_same else "'an earlier run'"
    changed(
        "insert into serving.bi_churn_history select * replace (as_of_date - 31 as as_of_date, "
        f"{run} as run_id, 0.02 as churn_probability, false as is_churned) "
        "from serving.bi_churn_history where domain = 'kkbox'"
    )
    page = opened("customer", "KKBox", customer=customer)
    said = text_of(page)
    assert not page.exception
    assert ("The same model gave both" in said) == is_same
    assert ("trained again in between, so the two are not comparable" in said) == (not is_same)
    assert "1 March 2017: 2%" in said
    assert "1 March 2017: stayed" in said
    (chart,) = [spec for spec in charts_of(page) if "Risk by scoring" in spec["description"]]
    assert ("new model" in chart["description"]) == (not is_same)


@pytest.mark.parametrize(
    ("group", "because", "previous", "told"),
    [
        ("'Payments'", "null", 0.0, "What raised the risk the most: Payments."),
        ("'Payments'", "null", 1.0, "What lowered the risk the most: Payments."),
        ("null", "'none_stands_out'", 0.0, "Several reasons changed, none of them certainly"),
    ],
)
def test_what_changed_the_risk_is_named(changed, published_demo, group, because, previous, told):
    customer, *_ = treated(published_demo, "kkbox")
    changed(
        "insert into serving.bi_churn_history select * replace (as_of_date - 31 as as_of_date) "
        "from serving.bi_churn_history where domain = 'kkbox'",
        f"update serving.bi_customer_360 set changed_group_title = {group}, "
        f"change_not_explained_because = {because}, previous_probability = {previous}",
    )
    assert told in text_of(opened("customer", "KKBox", customer=customer))


@pytest.mark.parametrize("domain", TITLES)
def test_charts_have_a_text_and_whole_numbers(published_demo, domain):
    customer, *_ = treated(published_demo, domain)
    charts = charts_of(opened("customer", TITLES[domain], customer=customer))
    assert charts
    for chart in charts:
        assert "by week: week of" in chart["description"]
        (axis,) = {
            json.dumps(layer["encoding"]["y"]["axis"])
            for layer in chart["layer"]
            if "y" in layer["encoding"]
        }
        assert json.loads(axis)["tickMinStep"] == 1
        # a title beside the axis was clipped; it stands above the chart
        assert chart["layer"][0]["encoding"]["y"]["title"] is None


def test_an_outage_of_the_data_is_in_the_chart_and_below_it(published_demo):
    customer, *_ = treated(published_demo, "ecommerce")
    page = opened("customer", "Online shop", customer=customer)
    assert "Dashed line, 20 April 2020. Data outage: no purchase was logged" in text_of(page)
    assert all("no purchase was logged" in spec["description"] for spec in charts_of(page))
