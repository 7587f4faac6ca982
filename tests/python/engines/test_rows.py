"""Rows that were made twice are compared value by value, doubles within rounding."""

import duckdb
import pytest

from pipeline.warehouse.row_comparison import columns_of, compare_rows

ROWS = """
select
    i as customer_id,
    date '2020-01-01' + cast(i as integer) as as_of_date,
    i * 3 as orders,
    case when i = 5 then null else i / 7 end as share,
    case when i % 2 = 0 then 'even' end as kind,
    i % 3 = 0 as is_third
from range(10) as rows (i)
"""


def compared(change, key=("customer_id",)):
    """Compare ROWS with what a change makes of them."""
    with duckdb.connect() as connection:
        connection.execute(f"create table ours as {ROWS}")
        connection.execute(f"create table theirs as {change}")
        columns = columns_of(connection, "ours")
        return compare_rows(connection, "a_model", "ours", "theirs", columns, key)


def test_the_same_rows_in_another_order_do_not_differ():
    found = compared("select * from ours order by orders desc")
    assert (found.rows, found.differing, found.columns) == (10, 0, ())
    assert (found.doubles, found.doubles_to_the_bit) == (10, 10)


@pytest.mark.parametrize(("share", "differing"), [("1e-13", 0), ("1e-11", 8)])
def test_a_double_may_differ_by_rounding_and_no_more(share, differing):
    """Of ten values one is 0 and one is null, which are the same."""
    found = compared(f"select * replace (share * (1 + {share}) as share) from ours")
    assert found.differing == differing
    assert found.columns == (("share",) if differing else ())
    assert (found.doubles, found.doubles_to_the_bit) == (10, 2)


@pytest.mark.parametrize(
    ("change", "column"),
    [
        ("orders + case when customer_id = 4 then 1 else 0 end as orders", "orders"),
        ("as_of_date + case when customer_id = 4 then 1 else 0 end as as_of_date", "as_of_date"),
        ("case when customer_id = 4 then 'Even' else kind end as kind", "kind"),
        ("case when customer_id = 1 then '' else kind end as kind", "kind"),
        ("case when customer_id = 4 then not is_third else is_third end as is_third", "is_third"),
        ("case when customer_id = 5 then 0 else share end as share", "share"),
        ("case when customer_id = 4 then null else share end as share", "share"),
        ("case when customer_id = 4 then 'nan'::double else share end as share", "share"),
    ],
)
def test_one_value_that_differs_is_one_row_and_its_column_is_named(change, column):
    found = compared(f"select * replace ({change}) from ours")
    assert (found.differing, found.columns) == (1, (column,))


def test_rows_of_one_side_alone_differ_whichever_it_is():
    assert compared("select * from ours where customer_id != 3").differing == 1
    more = compared("from ours union all select * replace (77 as customer_id) from ours limit 11")
    assert more.differing == 1
    assert more.columns == ("customer_id",)
    assert compared("from ours where false").differing == 10
    other = compared("select * replace (customer_id + 1 as customer_id) from ours")
    assert other.differing == 10


def test_rows_without_a_key_are_compared_as_wholes():
    assert compared("from ours", key=()).differing == 0
    twice = compared("from ours union all from ours limit 11", key=())
    assert (twice.differing, twice.columns) == (1, ("the row as a whole",))
