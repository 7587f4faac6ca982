"""The ids of a request follow the rules for ids, as those of a file do."""

import pytest

from pipeline.project.sources import source_tables
from pipeline.realtime.errors import BadRowsError
from pipeline.realtime.rows import Customer, check_customers

TABLES = source_tables("ecommerce")
EVENT = {"event_time": "2020-01-01 10:00:00", "event_type": "purchase"}


def customer(sent, *owners):
    return Customer(sent, {"events": [{**EVENT, "user_id": owner} for owner in owners or (None,)]})


@pytest.mark.parametrize("sent", ["512", " 512", "512.0", "\u00a0512\u200b"])
@pytest.mark.parametrize("owner", [None, "512", 512, 512.0, "512.00", "512 "])
def test_a_customer_and_their_rows_have_one_spelling(sent, owner):
    (found,) = check_customers([customer(sent, owner)], TABLES)
    assert found.customer_id == "512"


@pytest.mark.parametrize(
    ("sent", "reason"),
    [("nan", "stands for nobody"), ("1.5E+18", "scientific"), ("  ", "empty")],
)
def test_what_is_not_an_id_is_refused(sent, reason):
    with pytest.raises(BadRowsError) as refused:
        check_customers([customer("512"), customer(sent)], TABLES)
    (problem,) = refused.value.problems
    assert problem.where == ("customers", 1, "customer_id")
    assert reason in problem.reason


def test_two_spellings_of_one_customer_are_one_customer_sent_twice():
    with pytest.raises(BadRowsError) as refused:
        check_customers([customer("512"), customer("512.0")], TABLES)
    assert refused.value.problems[0].reason == "is also customers[0]"


@pytest.mark.parametrize("owner", ["513", 513.0, "1.5E+18", 1.5e18, "nan"])
def test_a_row_of_somebody_else_is_refused(owner):
    with pytest.raises(BadRowsError) as refused:
        check_customers([customer("512", "512", owner)], TABLES)
    assert refused.value.problems[0].where == ("customers", 0, "events", 1, "user_id")
