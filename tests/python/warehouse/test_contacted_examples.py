"""Which examples a contact may have changed, and who stands for them: the SQL over made rows."""

from datetime import date, datetime

import duckdb
import pytest
from contact_world import contacted_rows

from ml.contacted import has_contacted, read_contacted
from pipeline.publish.generation import current

D = date(2020, 1, 6)
KNOWN = date(2020, 2, 5)
EXAMPLES = [("shop", one, D, KNOWN, False) for one in ("a", "b", "c", "d")]


def arm(customer, name, *, on=D, period=D, action="call", holdout=100):
    return ("shop", period, customer, name, action, holdout, on)


def contact(customer, day, action=""):
    return ("shop", customer, day, action)


PLAN = [arm("a", "treat"), arm("b", "treat"), arm("c", "control")]


def found(contacts=(), assignments=PLAN, examples=EXAMPLES, **more):
    rows = contacted_rows(
        examples_unioned=examples, assignments=assignments, contacts=list(contacts), **more
    )
    return {customer: (out, weight, reason) for customer, _, out, weight, reason in rows}


def test_without_a_contact_nothing_is_concerned():
    assert found() == {}
    # nor by the arms alone: a plan that nobody acted on changed nothing
    assert found([contact("a", KNOWN)]) == {}
    assert found([contact("a", date(2020, 1, 5))]) == {}


def test_whom_a_plan_drew_for_contact_is_left_out_and_controls_stand_for_them():
    assert found([contact("a", date(2020, 1, 9))]) == {
        "a": (True, 0, "treated_by_plan"),
        # not reached, but who is reached is not drawn
        "b": (True, 0, "treated_by_plan"),
        "c": (False, 10, "control_of_plan"),
    }


def test_another_action_of_the_plan_is_another_plan():
    arms = [*PLAN, arm("d", "treat", action="voucher")]
    assert "d" not in found([contact("a", date(2020, 1, 9), "call")], arms)
    # what no plan drew this customer for
    assert found([contact("d", date(2020, 1, 9), "call")], arms) == {"d": (True, 1, "outside_plan")}


def test_contacts_that_no_plan_drew_have_nobody_to_stand_for_them():
    assert found([contact("d", D)]) == {"d": (True, 1, "outside_plan")}
    assert found([contact("d", date(2020, 1, 5))]) == {}
    reached = found([contact("a", D), contact("c", date(2020, 2, 1))])
    assert reached["c"] == (True, 10, "outside_plan")
    nobody_held_out = [arm("a", "treat", holdout=0)]
    assert found([contact("a", D)], nobody_held_out) == {"a": (True, 1, "outside_plan")}


def test_a_contact_between_the_draw_of_the_period_and_the_cut_off_counts():
    early = [
        arm(one, name, on=date(2020, 1, 1), period=date(2020, 1, 1))
        for one, name in (("a", "treat"), ("c", "control"))
    ]
    assert found([contact("a", date(2020, 1, 3))], early) == {
        "a": (True, 0, "treated_by_plan"),
        "c": (False, 10, "control_of_plan"),
    }
    assert found([contact("c", date(2020, 1, 3))], early) == {"c": (True, 1, "outside_plan")}


def test_periods_within_one_outcome_multiply():
    second = date(2020, 2, 3)
    arms = [
        arm("a", "treat"), arm("c", "control"), arm("d", "control"),
        arm("b", "treat", on=second, period=second), arm("c", "control", on=second, period=second),
    ]  # fmt: skip
    rows = found([contact("a", D), contact("b", second)], arms)
    assert {one: weight for one, (_, weight, _) in rows.items()} == {
        "a": 0,
        "b": 0,
        "c": 100,
        "d": 10,
    }


def test_a_message_belongs_to_its_campaigns_period_and_counts_when_it_arrived():
    message = lambda state, at: {  # noqa: E731
        "campaigns": [("spring", D)],
        "campaign_messages": [("spring", "shop", "a", state, at)],
    }
    arrived = found(**message("delivered", datetime(2020, 2, 4, 8)))
    assert set(arrived) == {"a", "b", "c"}
    assert found(**message("dead", datetime(2020, 1, 9))) == {}
    assert found(**message("delivered", datetime(2020, 2, 5, 8))) == {}


@pytest.mark.parametrize("is_churned", [True, False])
def test_open_outcomes_have_no_rows_and_what_came_decides_nothing(is_churned):
    contacts = [contact("a", D)]
    is_open = [(*row[:4], None) for row in EXAMPLES]
    assert found(contacts, examples=is_open) == {}
    assert found(contacts, examples=[(*row[:4], is_churned) for row in EXAMPLES]) == found(contacts)


def test_in_the_demo_nobody_was_contacted_and_nobody_is_left_out(demo):
    """As on any data without contacts: models, scores and metrics are what they were."""
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        for domain in ("kkbox", "ecommerce"):
            assert has_contacted(connection)
            assert read_contacted(connection, domain) is None
    with duckdb.connect(str(current(demo[0]).path), read_only=True) as published:
        assert published.execute("select * from serving.bi_contacted_examples").fetchall() == []
        models = published.execute("select distinct model from serving.bi_model_quality").fetchall()
    assert ("lightgbm_contacts_kept",) not in models
