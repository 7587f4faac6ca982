"""Columns that come, go and change are told; a needed one that is gone refuses the pull."""

import pytest
from connections_world import ORDERS

from pipeline.connections.pull import pull
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED


def test_columns_that_appear_vanish_and_change_are_told_once(shop, database, connects, home):
    connects(database)
    assert pull("till", home).warnings == []
    shop(
        "alter table orders add column coupon text",
        "alter table orders drop column note",
        "alter table orders alter column amount type double precision",
    )
    done = pull("till", home)
    assert done.warnings == [
        "public.orders: the column coupon has appeared (text). It is not read unless the sources "
        "YAML names it",
        "public.orders: the column note has vanished; it is null from now on",
        "public.orders: the column amount was numeric(10,2) and is double precision now; values "
        "that do not fit go to quarantine",
    ]
    # a type of the same values is not an update of every row
    assert done.tables[0].counts.updated == 0
    assert pull("till", home).warnings == []


def test_a_column_that_the_domain_knows_only_later_updates_no_row(shop, database, connects, home):
    connects(database)
    pull("till", home)
    shop("alter table orders add column brand text default 'acme'")
    assert pull("till", home).tables[0].counts.updated == 0
    assert pull("till", home).tables[0].counts.updated == 0
    # of a row that came before, nobody knows the brand that it had
    shop("update orders set brand = 'other' where order_id = 200")
    assert pull("till", home).tables[0].counts.updated == 0
    shop("insert into orders values (201, 7, '2026-03-10', 5, 'paid', null, '2026-03-10', 'a')")
    assert pull("till", home).tables[0].counts.new == 1
    shop("update orders set brand = 'b' where order_id = 201")
    assert pull("till", home).tables[0].counts.updated == 1


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("alter table orders rename column amount to total", "vanished: amount"),
        ("alter table orders drop column updated_at", "vanished: updated_at"),
        ("alter table orders rename column order_id to number", "vanished: order_id"),
        ("drop table orders", "public.orders is not there"),
    ],
)
def test_a_needed_column_that_is_gone_refuses_the_pull_and_nothing_is_lost(
    statement, names, shop, database, connects, home
):
    connects(database)
    pull("till", home)
    before = {p: p.read_bytes() for p in home.landing.rglob("*") if p.is_file()}
    shop("insert into orders values (201, 7, '2026-03-10', 5, 'paid', null, '2026-03-10')")
    shop("create table kept as select * from orders", statement)
    with pytest.raises(ChurnError, match=names) as refusal:
        pull("till", home)
    assert refusal.value.exit_code == REFUSED
    assert "nothing is lost" in refusal.value.hint
    assert before == {p: p.read_bytes() for p in home.landing.rglob("*") if p.is_file()}
    shop("drop table if exists orders", "alter table kept rename to orders")
    assert pull("till", home).tables[0].counts.new == 1


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"key": ["customer"]}, "customer does not identify the rows of public.orders: 150 have"),
        ({"cursor": "amount"}, "The cursor amount is numeric"),
        ({"overlap": "10"}, "The overlap 10 does not fit the cursor updated_at"),
        ({"cursor": "order_id"}, "The overlap 2 days does not fit the cursor order_id"),
    ],
)
def test_an_entry_that_the_table_does_not_fit_is_refused_in_words(
    change, says, shop, database, connects, home
):
    connects(database, orders=ORDERS | change)
    with pytest.raises(ChurnError, match=says) as refusal:
        pull("till", home)
    assert refusal.value.exit_code == REFUSED
    assert not home.landing.exists()
