"""The mart is read in one order, in pieces that leave no trace."""

import duckdb
import numpy as np
import pytest

from ml import contract
from ml.contract import read_examples


@pytest.fixture
def mart():
    """Four customers at three cut-offs, in no order, with unknown outcomes and values."""
    with duckdb.connect() as connection:
        connection.execute("""
            create schema shop;
            create table shop.shop__churn_examples as
            select
                'shop' as domain, chr((97 + c)::integer) as customer_id,
                date '2020-01-01' + (7 * d)::integer as as_of_date, null::date as due_on,
                date '2020-06-01' as label_known_on,
                case when d < 2 then c = 1 end as is_churned, 1.5 as customer_value,
                case when c != 2 then c + 10 * d end as orders__orders,
                c > d as orders__is_many
            from range(4) as customers (c), range(3) as days (d)
            where not (c = 3 and d = 1)
            order by hash(c + 10 * d)
        """)
        yield connection


@pytest.mark.parametrize("at_once", [1, 4, 5, 1000])
def test_examples_are_the_same_however_many_are_read_at_once(mart, monkeypatch, at_once):
    monkeypatch.setattr(contract, "_ROWS_AT_ONCE", at_once)
    found = read_examples(
        mart, "shop", since=np.datetime64("2020-01-01"), until=np.datetime64("2020-01-15")
    )
    day = [f"2020-01-{number:02}" for number in (1, 8, 15)]
    assert list(found.customer_id) == [*"aaabbbcccdd"]
    assert [str(d) for d in found.as_of_date] == [*day, *day, *day, day[0], day[2]]
    nan = np.nan
    np.testing.assert_array_equal(found.is_churned, [0, 0, nan, 1, 1, nan, 0, 0, nan, 0, nan])
    orders = [0, 10, 20, 1, 11, 21, nan, nan, nan, 3, 23]
    many = [0, 0, 0, 1, 0, 0, 1, 1, 0, 1, 1]
    np.testing.assert_array_equal(found.values, np.column_stack([orders, many]))
    assert list(found.is_boolean) == [False, True]
    found.is_churned[0] = 1  # the arrays are one's own


def test_only_the_cut_offs_asked_for_are_read(mart):
    found = read_examples(
        mart, "shop", since=np.datetime64("2020-01-08"), until=np.datetime64("2020-01-08")
    )
    assert list(found.column("orders__orders")[:2]) == [10, 11]
    assert len(found) == 3
    none = read_examples(
        mart, "shop", since=np.datetime64("2021-01-01"), until=np.datetime64("2021-01-08")
    )
    assert none.values.shape == (0, 2)
