"""The customer list: whom it finds, what its address holds, and what it says of names it lacks."""

from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from viewer_pages import TITLES, addressed, ask, opened, text_of

from app.viewer import list_filters, words
from app.viewer.plain import plain


def shown_count(page):
    return next(text.value for text in page.markdown if "To share these filters" in text.value)


def listed(page):
    """Ids of the customers in the list, read from their links."""
    table = next(one.value for one in page.dataframe if "value_at_risk" in one.value)
    return [parse_qs(urlsplit(link).query)["customer"][0] for link in table["customer_id"]]


def test_filters_narrow_the_list(published_demo):
    ((count,),) = published_demo(
        "select count(*) from bi_customer_360 where domain = 'kkbox' and risk_band = 'critical' "
        "and not already_cancelled and customer_value between 100 and 5000 "
        "and churn_probability <= 0.98"
    )
    page = opened("customers", TITLES["kkbox"])
    page.multiselect(key="bands").set_value(["critical"])
    page.number_input(key="value").set_value(100)
    page.number_input(key="value_to").set_value(5000)
    page.slider(key="risk").set_value((0.0, 98.0)).run()
    assert not page.exception
    assert count
    assert f"**{words.count(count, 'customer')}**" in shown_count(page)
    page.multiselect(key="bands").set_value(["low"])
    page.number_input(key="value").set_value(10_000_000)
    page.number_input(key="value_to").set_value(None).run()
    assert not page.exception
    assert "**0 customers**" in shown_count(page)
    assert "No customers match these filters" in text_of(page)


@pytest.mark.parametrize("domain", TITLES)
def test_the_list_begins_with_those_worth_saving(published_demo, domain):
    page = opened("customers", TITLES[domain])
    expected = published_demo(
        "select customer_id from bi_customer_360 where domain = ? "
        "and not coalesce(already_cancelled, false) order by expected_profit desc nulls last, "
        "value_at_risk desc nulls last, customer_id limit 20",
        domain,
    )
    assert listed(page)[:20] == [row[0] for row in expected]


@pytest.mark.parametrize("domain", TITLES)
def test_the_slider_says_how_many_will_leave_and_stay(published_demo, domain):
    page = addressed("customers", TITLES[domain], risk=["20.0", "80.0"])
    assert not page.exception
    ((customers, leaving),) = published_demo(
        "select count(*), sum(churn_probability) from bi_customer_360 where domain = ? "
        "and churn_probability between 0.2 and 0.8 and not coalesce(already_cancelled, false)",
        domain,
    )
    said = {metric.label: metric.value for metric in page.metric}
    assert customers
    assert said["Customers"] == f"{customers:,}"
    assert said["Expected to leave"] == f"{leaving:,.0f}"
    assert said["Expected to stay"] == f"{customers - leaving:,.0f}"


@pytest.mark.parametrize("domain", TITLES)
def test_every_published_segment_is_a_filter(published_demo, domain):
    kinds = published_demo(
        "select segment, segment_value, count(*) from bi_customer_segments "
        "where domain = ? and segment <> 'ladder' group by segment, segment_value "
        "qualify row_number() over (partition by segment order by count(*) desc) = 1 order by 1",
        domain,
    )
    page = opened("customers", TITLES[domain])
    options = page.multiselect(key="kinds").options
    assert len(options) == len(kinds) >= 6
    for kind, value, customers in kinds:
        title = words.capitalised(kind.replace("_", " "))
        asked = {"kinds": title, f"part_{kind}": value}
        if domain == "kkbox":
            asked["which"] = list_filters.EVERYBODY
        shown = addressed("customers", TITLES[domain], **asked)
        assert not shown.exception
        assert f"**{words.count(customers, 'customer')}**" in shown_count(shown)


def test_an_address_holds_every_filter_and_opens_the_same_list(published_demo):
    due = "2017-04-10"
    page = addressed(
        "customers",
        "KKBox",
        bands=["critical", "high"],
        plan="to contact",
        marks="not marked",
        channels="push",
        due_to=due,
        value="100",
        profit="1",
        which="everybody",
        kinds="Tenure",
        part_tenure="over a year",
        columns=["Risk", "Channel"],
        sort="due date",
    )
    assert not page.exception
    ((customers,),) = published_demo(
        "select count(*) from bi_customer_360 where domain = 'kkbox' "
        "and risk_band in ('critical', 'high') and decision = 'treat' and not is_suppressed "
        "and channel = 'push' and due_on <= date '2017-04-10' and customer_value >= 100 "
        "and expected_profit >= 1 and customer_id in (select customer_id "
        "from bi_customer_segments where segment = 'tenure' and segment_value = 'over a year')"
    )
    assert f"**{words.count(customers, 'customer')}**" in shown_count(page)
    assert customers
    (table,) = [one.value for one in page.dataframe]
    assert list(table.columns) == ["customer_id", "churn_probability", "channel"]


@pytest.mark.parametrize(
    "asked",
    [
        {"bands": "severe"},
        {"segments": "nonexistent"},
        {"actions": "A gift"},
        {"channels": "pigeon"},
        {"kinds": "Star sign"},
        {"part_tenure": "forever"},
        {"part_stars": "lion"},
        {"plan": "perhaps"},
        {"sort": "luck"},
        {"value": "much"},
        {"due_from": "tomorrow"},
        {"list": "best"},
    ],
    ids=str,
)
def test_an_address_with_an_unknown_name_shows_nothing(published_demo, asked):
    page = addressed("customers", "KKBox", **asked)
    assert not page.exception
    (said,) = [error.value for error in page.error]
    assert next(iter(asked.values())) in said or "part" in next(iter(asked))
    assert "Nothing is shown" in said
    assert not page.dataframe and not page.metric
    assert not page.get("download_button")
    # not even at the next click
    page.run()
    assert not page.dataframe and page.error
    page.button[0].click().run()
    assert page.dataframe and not page.error


def test_a_list_longer_than_a_page_has_pages_with_everybody_once(changed):
    changed(
        "create or replace table serving.bi_customer_360 as select * replace ("
        "'c' || i || '_' || customer_id as customer_id) "
        "from serving.bi_customer_360, range(2) as t (i) where domain = 'kkbox'"
    )
    page = opened("customers", "KKBox", which=list_filters.EVERYBODY)
    assert not page.exception
    customers = int(shown_count(page).split()[0].strip("*").replace(",", ""))
    seen = []
    for number in range(1, -(-customers // 500) + 1):
        page.number_input(key="page").set_value(number).run()
        seen += listed(page)
    assert len(seen) == len(set(seen)) == customers
    # a narrower list has fewer pages, and shows its last one
    page.multiselect(key="bands").set_value(["critical"]).run()
    assert not page.exception and listed(page)


def looked_up(screen, title, typed):
    """A page after somebody has typed an id there."""
    if screen == "customer":
        return opened(screen, title, customer=typed)
    page = opened(screen, title)
    return page.text_input(key="find").set_value(typed).run()


LOOK_UPS = {
    "blanks": lambda one: f"  {one}\t",
    "of a file for Excel": lambda one: f"'{one}",
    "its beginning": lambda one: one[:-1],
    "another case": lambda one: one.swapcase(),
}


@pytest.mark.parametrize("screen", ["customers", "customer"])
@pytest.mark.parametrize("spelled", LOOK_UPS)
def test_a_customer_is_found_by_what_people_type(published_demo, screen, spelled):
    ((one, probability),) = published_demo(
        "select customer_id, churn_probability from bi_customer_360 where domain = 'kkbox' "
        "and contains(customer_id, '+') and contains(customer_id, '/') "
        "and starts_with(lower(customer_id), upper(customer_id)) = false order by 1 limit 1"
    )
    page = looked_up(screen, "KKBox", LOOK_UPS[spelled](one))
    assert not page.exception
    if screen == "customers":
        found = next(t.value for t in page.dataframe if len(t.value) == 1)
        assert parse_qs(urlsplit(found["customer_id"].iloc[0]).query)["customer"] == [one]
    else:
        assert page.metric[0].value == words.percent(probability)


def test_several_customers_with_the_same_beginning_are_offered(changed):
    changed(
        "update serving.bi_customer_360 set customer_id = 'same/' || customer_id "
        "where domain = 'kkbox' and risk_rank <= 3"
    )
    page = opened("customer", "KKBox", customer="SAME/")
    assert not page.exception and not page.metric
    assert "3 customers whose ID begins like this" in text_of(page)
    assert len(page.dataframe[0].value) == 3


@pytest.mark.parametrize("screen", ["customers", "customer"])
def test_who_is_not_scored_is_told_from_who_is_unknown_and_who_is_elsewhere(published_demo, screen):
    ((shopper,),) = published_demo(
        "select customer_id from bi_customer_360 where domain = 'ecommerce' limit 1"
    )
    ((earlier,),) = published_demo(
        "select min(customer_id) from bi_churn_backtest where domain = 'kkbox' and customer_id "
        "not in (select customer_id from bi_customer_360 where domain = 'kkbox')"
    )
    for typed, said in (
        (shopper, "It is a customer of Online shop"),
        (earlier, "is a known customer of KKBox, but is not scored. The last scoring"),
        ("nobody/+here", f"KKBox does not know {plain('nobody/+here')}"),
    ):
        page = looked_up(screen, "KKBox", typed)
        assert not page.exception
        assert said in text_of(page)
        assert ("Not scored: members whose membership" in text_of(page)) == (typed == earlier)


def test_those_lost_lately_are_a_list(changed):
    home = changed(
        "update serving.crm_churn_actions set is_deleted = true, deleted_reason = 'lapsed', "
        "deleted_at = timestamp '2017-04-01 06:00:00' where crm_key in (select crm_key "
        "from serving.crm_churn_actions where domain = 'kkbox' order by crm_key limit 2)",
        "delete from serving.bi_customer_360 where domain = 'kkbox' and customer_id in "
        "(select customer_id from serving.crm_churn_actions where is_deleted)",
    )
    page = addressed("customers", "KKBox", list="recently lost")
    assert not page.exception
    ((expected,),) = ask(
        home,
        "select count(distinct customer_id) from (select customer_id from bi_churn_backtest "
        "where domain = 'kkbox' and is_churned union all select customer_id "
        "from crm_churn_actions where domain = 'kkbox' and is_deleted) where customer_id not in "
        "(select customer_id from bi_customer_360 where domain = 'kkbox')",
    )
    (table,) = [one.value for one in page.dataframe]
    assert len(table) == min(expected, 500) > 2
    assert "Left the list of scored customers" in set(table["what"])
    assert f"**{words.count(expected, 'customer')}** left" in text_of(page)


def test_a_column_of_a_later_version_is_shown_where_it_is_published(changed):
    changed(
        "alter table serving.bi_customer_360 add column if not exists expected_next_order_on date",
        "alter table serving.bi_customer_360 add column if not exists predicted_value double",
        "update serving.bi_customer_360 set expected_next_order_on = null, predicted_value = null",
        "update serving.bi_customer_360 set expected_next_order_on = date '2020-05-09', "
        "predicted_value = 100 where domain = 'ecommerce' and customer_id in (select customer_id "
        "from serving.bi_customer_360 where domain = 'ecommerce' order by 1 limit 7)",
    )
    page = addressed(
        "customers",
        "Online shop",
        order_from="2020-05-09",
        order_to="2020-05-09",
        predicted_value="100",
        columns=["Next order expected", "Predicted value"],
    )
    assert not page.exception
    assert "**7 customers**" in shown_count(page)
    assert list(page.dataframe[0].value.columns) == [
        "customer_id",
        "expected_next_order_on",
        "predicted_value",
    ]
    one = listed_any(page)[0]
    customer = opened("customer", "Online shop", customer=one)
    assert {metric.label: metric.value for metric in customer.metric}[
        "Next order expected"
    ] == "9 May 2020"


def listed_any(page):
    links = page.dataframe[0].value["customer_id"]
    return [parse_qs(urlsplit(link).query)["customer"][0] for link in links]


def test_an_audience_is_kept_by_name_and_brought_back(served):
    page = opened("customers", "KKBox")
    assert "No saved audiences yet" in text_of(page)
    page.multiselect(key="bands").set_value(["critical"]).run()
    page.multiselect(key="segments").set_value([page.multiselect(key="segments").options[0]])
    page.number_input(key="value").set_value(100)
    page.slider(key="risk").set_value((0.7, 99.9))
    page.multiselect(key="kinds").set_value(["Tenure"]).run()
    page.multiselect(key="part_tenure").set_value(["over a year"])
    page.text_input(key="reason").set_value("Days").run()
    narrowed = shown_count(page)
    save(page, "worth a call/today")
    (kept,) = served.items("/v1/kkbox/audiences")
    assert kept["filter"] == {
        "band": ["critical"],
        "segment": [page.multiselect(key="segments").options[0]],
        "min_customer_value": 100,
        "min_probability": 0.007,
        "max_probability": 0.999,
        "part": ["tenure:from_365"],
        "reason": "Days",
        "already_cancelled": False,
    }

    again = opened("customers", "KKBox")
    assert shown_count(again) != narrowed
    # who saved it when, and how many it means now
    about = next(text.value for text in again.caption if "saved" in text.value)
    assert about.startswith(f"{narrowed.split('**')[1]} now · saved ")
    assert "by viewer (test " in about
    again.button(key="open audience worth a call/today").click().run()
    assert not again.exception
    assert shown_count(again) == narrowed
    assert shown_count(addressed("customers", "KKBox", audience="worth a call/today")) == narrowed
    assert not opened("customers", "Online shop").exception

    again.button(key="forget audience worth a call/today").click().run()
    assert len(served.items("/v1/kkbox/audiences")) == 1
    again.button(key="keep worth a call/today").click().run()
    again.button(key="forget audience worth a call/today").click().run()
    again.button(key="really forget worth a call/today").click().run()
    assert served.items("/v1/kkbox/audiences") == []
    gone = addressed("customers", "KKBox", audience="worth a call/today")
    assert "does not exist any more" in gone.error[0].value
    assert not gone.dataframe


def save(page, name):
    next(field for field in page.text_input if field.label == "Save these filters as").set_value(
        name
    )
    next(button for button in page.button if button.label == "Save").click().run()
    assert not page.exception


@pytest.mark.parametrize(
    ("domain", "chosen"),
    [
        ("kkbox", {"band": ["critical", "high"], "already_cancelled": False}),
        ("kkbox", {"already_cancelled": True, "reason": "CANCEL"}),
        (
            "kkbox",
            {
                "segment": ["auto-renew on"],
                "min_customer_value": 700,
                "band": ["low"],
                "already_cancelled": False,
            },
        ),
        ("kkbox", {"action": ["renewal_reminder"], "already_cancelled": False}),
        ("kkbox", {"channel": ["email"], "decision": "treat", "do_not_contact": False}),
        ("kkbox", {"due_from": "2017-04-03", "due_to": "2017-04-20", "max_customer_value": 5000}),
        (
            "kkbox",
            {
                "part": ["tenure:below_90", "tenure:90_to_365", "plan:30_to_31"],
                "min_probability": 0.2,
            },
        ),
        ("ecommerce", {"min_customer_value": 50, "reason": "order"}),
        ("ecommerce", {"min_probability": 0.55, "max_probability": 0.8, "min_expected_profit": 10}),
    ],
)
def test_an_audience_means_the_same_customers_to_the_page_and_to_the_api(served, domain, chosen):
    saved = served.put(f"/v1/{domain}/audiences/one", json={"filter": chosen})
    assert saved.status_code == 200
    page = opened("customers", TITLES[domain])
    page.button(key="open audience one").click().run()
    assert not page.exception
    (kept,) = served.items(f"/v1/{domain}/audiences")
    asked = httpx.QueryParams({**kept["filter"], "limit": 500})
    found = served.items(f"/v1/{domain}/customers?{asked}")
    assert found
    assert f"**{words.count(len(found), 'customer')}**" in shown_count(page)
    # an audience saved again from the page is the same filter
    save(page, "two")
    one, two = served.items(f"/v1/{domain}/audiences")
    assert {**one["filter"], "part": sorted(one["filter"].get("part", []))} == {
        **two["filter"],
        "part": sorted(two["filter"].get("part", [])),
    }


def test_an_audience_that_the_page_cannot_show_is_not_shown_as_something_else(served):
    for name, chosen in {
        "at risk": {"at_risk": True},
        "cents": {"min_customer_value": 0.5, "already_cancelled": False},
        "fine": {"min_probability": 0.12345},
    }.items():
        assert served.put(f"/v1/kkbox/audiences/{name}", json={"filter": chosen}).status_code == 200
    page = opened("customers", "KKBox")
    assert not page.exception
    names = ("at risk", "cents", "fine")
    assert [page.button(key=f"open audience {name}").disabled for name in names] == [True] * 3


def test_an_audience_without_a_name_is_not_kept(served):
    page = opened("customers", "KKBox")
    next(button for button in page.button if button.label == "Save").click().run()
    assert "Please enter a name" in text_of(page)
    assert served.items("/v1/kkbox/audiences") == []


@pytest.mark.parametrize(
    ("domain", "has", "lacks"),
    [("kkbox", "Due", "Next order expected"), ("ecommerce", "Next order expected", "Due")],
)
def test_only_columns_with_a_value_can_be_chosen(published_demo, domain, has, lacks):
    page = opened("customers", TITLES[domain])
    (columns,) = [box for box in page.multiselect if box.label == "Columns"]
    assert has in columns.options and has in columns.value
    assert lacks not in columns.options
