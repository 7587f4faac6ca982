"""The map of ids is point in time: a mapping changes no cut-off up to its own day."""

from contextlib import contextmanager
from datetime import date
from functools import partial
from itertools import pairwise

import duckdb
import pytest

from pipeline.demo.nights import NightOptions, make_nights
from pipeline.project.sources import source_tables
from pipeline.warehouse.compiled_sql import (
    create_models,
    load_coverage,
    load_identities,
    load_stack,
    placed,
)
from pipeline.warehouse.control import fill_controls

KNOWN_FROM = {"kkbox": date(2016, 10, 10), "ecommerce": date(2019, 12, 10)}
DOMAINS = tuple(KNOWN_FROM)
EVER = date(9999, 12, 31)


@contextmanager
def built(home, domain, mapped=(), rows=lambda table, columns, source: f"from {source}"):
    """The marts over the demo's lake, with a map of ids and other rows than the lake's."""
    with duckdb.connect(config={"threads": 2}) as connection:
        connection.execute(f"attach '{home.warehouse}' as built (read_only)")
        connection.execute("create schema lake")
        connection.execute(
            f"create table lake.{domain}_frozen_labels as from built.lake.{domain}_frozen_labels "
            "limit 0"
        )
        for table in source_tables(domain):
            columns = ", ".join(
                column.name for column in table.columns if column.name != table.id_column
            )
            source = f"built.lake.{table.identifier}"
            sql = f"from {source} limit 0" if table.known_from else rows(table, columns, source)
            kind = "table" if table.known_from else "view"
            connection.execute(f"create {kind} lake.{table.identifier} as {sql}")
        for one in mapped:
            connection.execute(
                f"insert into lake.{domain}_identities (id, customer_id, known_from) "
                "values (?, ?, ?)",
                one,
            )
        fill_controls(
            connection,
            domain,
            load_coverage(home),
            cut_offs="select as_of_date, due_from from built.control.control__cut_offs "
            f"where domain = '{domain}'",
            known_before="(select known_before from built.control.control__knowledge "
            f"where domain = '{domain}')",
            identities=load_identities(home, domain),
        )
        create_models(connection, load_stack(home, domain, "examples"))
        yield connection


def mart(connection, domain):
    """The rows of the examples by customer and cut-off."""
    found = connection.sql(f"from {domain}.{domain}__churn_examples")
    names = found.columns
    rows = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    by_key = {(row["customer_id"], row["as_of_date"]): row for row in rows}
    assert len(by_key) == len(rows)
    return by_key


def features(row):
    """A row without whose it is and what came of it."""
    return {k: v for k, v in row.items() if k not in ("customer_id", "is_churned")}


@pytest.fixture(scope="module", params=DOMAINS)
def plain(request, demo):
    """A domain, its demo, and its marts without a map of ids."""
    with built(demo[0], request.param) as connection:
        return request.param, demo[0], mart(connection, request.param)


def lasting(rows, day, count):
    """Customers of cohorts before and after a day."""
    before = {customer for customer, cut_off in rows if cut_off <= day}
    after = {customer for customer, cut_off in rows if cut_off > day}
    return sorted(before & after)[:count]


def test_without_a_map_the_marts_are_as_the_build_made_them(plain):
    domain, home, rows = plain
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        made = mart(connection, domain)
    assert made.keys() == rows.keys()
    assert all(features(rows[key]) == features(made[key]) for key in rows)


def test_a_customer_with_an_old_id_has_one_history_from_the_day_it_is_known(plain):
    """Rows before the day lie under an old id: nothing but that id's name differs before it."""
    domain, home, rows = plain
    day = KNOWN_FROM[domain]
    people = lasting(rows, day, 40)
    assert len(people) == 40
    listed = ", ".join(f"'{one}'" for one in people)

    def split(table, columns, source):
        owner, when = table.id_column, table.event_day or table.event_time
        if when is None:  # a snapshot has both accounts
            return (
                f"select {owner}, {columns} from {source} union all "
                f"select 'old ' || {owner} as {owner}, {columns} from {source} "
                f"where {owner} in ({listed})"
            )
        return (
            f"select case when {owner} in ({listed}) and {when} < date '{day}' "
            f"then 'old ' || {owner} else {owner} end as {owner}, {columns} from {source}"
        )

    mapped = [(f"old {one}", one, day) for one in people]
    with built(home, domain, mapped, split) as connection:
        found = mart(connection, domain)
    expected = {
        (f"old {customer}" if customer in people and cut_off <= day else customer, cut_off): row
        for (customer, cut_off), row in rows.items()
    }
    assert found.keys() == expected.keys()
    assert sum(customer.startswith("old ") for customer, _ in found) > 100
    for key, row in found.items():
        assert features(row) == features(expected[key]), key
        assert row["is_churned"] == expected[key]["is_churned"], key

    # without the map the old ids are lost, and their outcomes wrong
    with built(home, domain, (), split) as connection:
        lost = mart(connection, domain)
    wrong = [key for key in lost if lost[key]["is_churned"] != found.get(key, {}).get("is_churned")]
    assert any(lost[key]["is_churned"] for key in wrong)


def test_two_customers_are_one_after_the_day_and_two_before_it(plain):
    domain, home, rows = plain
    day = KNOWN_FROM[domain]
    people = lasting(rows, day, 40)
    pairs = dict(zip(people[:20], people[20:], strict=True))
    mapped = [(gone, kept, day) for gone, kept in pairs.items()]
    with built(home, domain, mapped) as connection:
        found = mart(connection, domain)

    cases = " ".join(f"when '{gone}' then '{kept}'" for gone, kept in pairs.items())

    def merged(table, columns, source):
        owner = table.id_column
        if table.event_time is None and table.history == "mutable":
            return f"from {source}"
        return f"select case {owner} {cases} else {owner} end as {owner}, {columns} from {source}"

    with built(home, domain, (), merged) as connection:
        always = mart(connection, domain)
    assert {key for key in found if key[1] > day} == {key for key in always if key[1] > day}
    assert {key for key in found if key[1] <= day} == {key for key in rows if key[1] <= day}
    assert not [key for key in found if key[1] > day and key[0] in pairs]
    differing = 0
    for key, row in found.items():
        told = rows if key[1] <= day else always
        assert features(row) == features(told[key]), key
        differing += key[1] > day and key in rows and features(row) != features(rows[key])
        is_touched = key[0] in pairs or key[0] in pairs.values()
        if key[1] <= day and not (is_touched and row["label_known_on"] > day):
            assert row["is_churned"] == rows[key]["is_churned"], key
    assert differing > 20
    # who orders under either id has stayed
    for gone, kept in pairs.items():
        for key in [key for key in found if key[0] == gone and (kept, key[1]) in found]:
            row, other = found[key], found[kept, key[1]]
            if domain == "ecommerce" and row["label_known_on"] > day:
                both = [rows[key]["is_churned"], rows[kept, key[1]]["is_churned"]]
                expected = None if None in both else all(both)
                assert row["is_churned"] == other["is_churned"] == expected


def test_the_map_cures_ids_that_merge_on_a_night(plain):
    """From the night on the files have one id for both; without the map one of them is lost."""
    domain, home, rows = plain
    told = (
        make_nights(domain, home.raw / domain, NightOptions(60, ("ids",), seed)).identities()
        for seed in range(30)
    )
    # somebody who is in a cohort after the night
    mapped = next(ids for ids in told if any(k[0] == ids[0][0] and k[1] > ids[0][2] for k in rows))
    ((gone, kept, night),) = mapped

    def since(table, columns, source, day=night):
        owner, when = table.id_column, table.event_day or table.event_time
        if when is None:
            return f"from {source}"
        return (
            f"select case when {owner} = '{gone}' and {when} >= date '{day}' then '{kept}' "
            f"else {owner} end as {owner}, {columns} from {source}"
        )

    with built(home, domain, mapped, since) as connection:
        cured = mart(connection, domain)
    with built(home, domain, (), since) as connection:
        lost = mart(connection, domain)
    with built(home, domain, (), partial(since, day=date(1900, 1, 1))) as connection:
        always = mart(connection, domain)
    assert {key for key in cured if key[1] > night} == {key for key in always if key[1] > night}
    assert {key for key in cured if key[1] <= night} == {key for key in rows if key[1] <= night}
    for key, row in cured.items():
        told = features(rows[key] if key[1] <= night else always[key])
        if key[0] == kept and key[1] > night:  # a profile of the first registration
            told = {k: v for k, v in told.items() if not k.startswith("profile__")} | {
                k: v for k, v in features(row).items() if k.startswith("profile__")
            }
        assert features(row) == told, key
    ours = {key for key in cured.keys() | lost.keys() if key[0] in (gone, kept)}
    assert any(cured.get(key) != lost.get(key) for key in ours)


@pytest.fixture
def resolve(demo):
    """Whose id each id is, as of a day: `resolve([(id, customer, day), …])(day)`."""

    def resolved(mapped):
        with duckdb.connect() as connection:
            connection.execute(
                "create schema lake; create table lake.ecommerce_identities "
                "(id varchar, customer_id varchar, known_from date)"
            )
            connection.executemany("insert into lake.ecommerce_identities values (?, ?, ?)", mapped)
            rows = connection.execute(
                f"select * from ({placed(load_identities(demo[0], 'ecommerce').sql)})"
            ).fetchall()
        assert all(after < until for *_, after, until in rows)

        def at(day):
            found = {one: owner for one, owner, _, after, until in rows if after < day <= until}
            assert found.keys() == {row[0] for row in rows}, "every id is somebody's on every day"
            names = {}
            for one, owner, known_as, after, until in rows:
                if after < day <= until:
                    names.setdefault(owner, set()).add(known_as)
                    is_alone = list(found.values()).count(owner) == 1
                    assert (known_as == one) == is_alone
            assert all(len(known) == 1 for known in names.values())
            return found

        return at

    return resolved


D1, D2, D3 = date(2020, 1, 1), date(2020, 2, 1), date(2020, 3, 1)


def test_a_mapping_counts_after_its_day(resolve):
    at = resolve([("a", "b", D1)])
    assert at(D1) == {"a": "a", "b": "b"}
    assert at(D2) == at(EVER) == {"a": "b", "b": "b"}


def test_a_chain_leads_to_its_end_as_known_then(resolve):
    at = resolve([("a", "b", D1), ("b", "c", D2), ("c", "d", D3)])
    assert at(D2) == {"a": "b", "b": "b", "c": "c", "d": "d"}
    assert at(D3) == {"a": "c", "b": "c", "c": "c", "d": "d"}
    assert at(EVER) == {"a": "d", "b": "d", "c": "d", "d": "d"}


def test_the_latest_customer_of_an_id_holds_and_an_id_may_be_its_own_again(resolve):
    at = resolve([("a", "b", D1), ("a", "c", D2), ("a", "a", D3)])
    assert at(D2)["a"] == "b"
    assert at(D3)["a"] == "c"
    assert at(EVER)["a"] == "a"


def test_two_customers_of_one_id_on_one_day_say_nothing(resolve):
    at = resolve([("a", "b", D1), ("a", "c", D2), ("a", "d", D2), ("a", "b", D1)])
    assert at(EVER)["a"] == "b"


def test_a_circle_maps_nobody_from_the_day_it_closes(resolve):
    at = resolve([("a", "b", D1), ("b", "a", D2), ("c", "a", D1)])
    assert at(D2) == {"a": "b", "b": "b", "c": "b"}
    assert at(EVER) == {"a": "a", "b": "b", "c": "c"}


def test_a_chain_longer_than_four_steps_maps_nobody_beyond_it(resolve):
    ids = "abcdef"
    at = resolve([(one, other, D1) for one, other in pairwise(ids)])
    assert at(EVER) == {"a": "a", "b": "f", "c": "f", "d": "f", "e": "f", "f": "f"}
