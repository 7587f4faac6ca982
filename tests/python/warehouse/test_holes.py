"""Which days are missing, and what that leaves known: the SQL against plain Python, and cases."""

import random
from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference.holes import DAY, Judged, judge, known_before, record_before, span
from reference.stack import compiled_once, in_memory
from reference.windows import covers
from reference.worlds import Coverage

from pipeline.project.domains import domain_entries
from pipeline.warehouse.compiled_sql import compiled_model, read_manifest
from pipeline.warehouse.control import late_feed

ANCHOR = {"kkbox": "transactions", "ecommerce": "events.purchase"}
MODELS = ("day_counts", "starts", "holes", "outcome_holes", "knowledge", "coverage", "windows")
SHOP = domain_entries()["ecommerce"]
FIRST = date(2022, 1, 3)


class Control:
    """The compiled control relations over feeds of the tables' days."""

    def __init__(self, home):
        nodes = {node["name"]: node for node in read_manifest(home)["nodes"].values()}
        self.models = [compiled_model(nodes[f"control__{name}"]) for name in MODELS]
        self.grids = compiled_model(nodes["control__grids"])

    def over(self, feeds, outages=(), cut_offs=(), domain="ecommerce"):
        """A database with the relations.

        Args:
            feeds: Rows by day, by table.
            outages: Table, first day, day after the last one.
            cut_offs: Cut-offs whose coverage is asked for.
            domain: Domain.
        """
        connection = duckdb.connect(config={"threads": 1})
        connection.execute("create schema control; create schema seeds")
        connection.execute(
            "create table control.control__event_days "
            "(domain varchar, table_name varchar, day date, event_rows bigint)"
        )
        connection.execute(
            "create table seeds.feed_outages (domain varchar, table_name varchar, "
            "started_on date, ended_on date, reason varchar)"
        )
        connection.execute(
            "create table control.control__cut_offs (domain varchar, as_of_date date)"
        )
        for table, feed in feeds.items():
            rows = [(domain, table, day, rows) for day, rows in feed.items() if rows]
            connection.executemany("insert into control.control__event_days values (?,?,?,?)", rows)
        for table, first, end in outages:
            connection.execute(
                "insert into seeds.feed_outages values (?, ?, ?, ?, 'known')",
                [domain, table, first, end],
            )
        for day in cut_offs:
            connection.execute("insert into control.control__cut_offs values (?, ?)", [domain, day])
        for model in [self.grids, *self.models]:
            connection.execute(f"create table {model.relation} as {in_memory(model.sql)}")
        return connection


@pytest.fixture(scope="session")
def control(run_dbt, tmp_path_factory):
    return Control(compiled_once(run_dbt, tmp_path_factory))


def holes(connection, table="events.purchase"):
    return dict(
        connection.execute(
            "select day, known_from from control.control__holes where table_name = ?", [table]
        ).fetchall()
    )


def known(connection, domain="ecommerce"):
    return connection.execute(
        "select known_before from control.control__knowledge where domain = ?", [domain]
    ).fetchone()[0]


def shop(seed, days, a_day, first=FIRST):
    """A shop's purchases by day: Poisson, fewer on Sundays."""
    chance = random.Random(seed)
    return {
        day: sum(
            chance.random() < a_day * (0.7 if day.weekday() == 6 else 1) / 1000 for _ in range(1000)
        )
        for day in span(first, days)
    }


def without(feed, first, days):
    return {day: rows for day, rows in feed.items() if day not in span(first, days)}


def assert_agrees(control, feed, explained=(), cut_offs=()):
    outages = [("events.purchase", day, day + DAY) for day in explained]
    connection = control.over({"events.purchase": feed}, outages, cut_offs)
    judged = judge(feed)
    assert holes(connection) == judged.holes
    assert (
        dict(
            connection.execute(
                "select starts_on, known_from from control.control__starts"
            ).fetchall()
        )
        == judged.starts
    )
    end, unsure = known_before(judged, explained, SHOP.hole_memory_days, SHOP.settle_days)
    assert known(connection) == end
    assert [
        day
        for (day,) in connection.execute(
            "select day from control.control__outcome_holes order by day"
        ).fetchall()
    ] == unsure
    found = connection.execute("from control.control__coverage").fetchall()
    records = {day: record_before(judged, day) for day in cut_offs}
    assert {row[2]: row[3:] for row in found} == {d: r for d, r in records.items() if r}
    for _, _, cut_off, length, until, is_whole in connection.execute(
        "from control.control__windows"
    ).fetchall():
        told = tuple(day for day, since in judged.holes.items() if since <= cut_off)
        cover = Coverage(*records[cut_off], told)
        grace = SHOP.coverage_grace_days
        assert is_whole == covers(cover, cut_off, length, until, grace=grace)
    return judged


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    a_day=st.sampled_from([0.3, 1.5, 5, 20, 200]),
    days=st.integers(40, 260),
    gaps=st.lists(st.tuples(st.integers(0, 255), st.integers(1, 70)), max_size=3),
    strays=st.lists(st.tuples(st.integers(-800, 800), st.integers(1, 40)), max_size=2),
    explains=st.booleans(),
)
def test_the_sql_judges_days_as_plain_python_does(
    control, seed, a_day, days, gaps, strays, explains
):
    feed = shop(seed, days, a_day)
    for at, length in gaps:
        feed = without(feed, FIRST + at * DAY, length)
    for at, rows in strays:
        feed[FIRST + at * DAY] = rows
    feed = {day: rows for day, rows in feed.items() if rows}
    if not feed:
        return
    chance = random.Random(seed)
    explained = [day for day in judge(feed).holes if explains and chance.random() < 0.7]
    cut_offs = sorted({FIRST + chance.randrange(1, days + 60) * DAY for _ in range(6)})
    assert_agrees(control, feed, explained, cut_offs)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(
    seed=st.integers(0, 10**6),
    a_day=st.sampled_from([1.5, 5, 50]),
    gap=st.tuples(st.integers(60, 200), st.integers(1, 60)),
    stray=st.integers(-400, 300),
    cut_off=st.integers(30, 290),
)
def test_a_cut_off_is_told_nothing_by_later_days(control, seed, a_day, gap, stray, cut_off):
    feed = without(shop(seed, 260, a_day), FIRST + gap[0] * DAY, gap[1])
    feed[FIRST + stray * DAY] = 1
    day = FIRST + cut_off * DAY
    asked = "select * from control.control__windows order by all"
    record = "select * from control.control__coverage order by all"
    earlier = {one: rows for one, rows in feed.items() if one < day and rows}
    told, later = (
        control.over({"events.purchase": rows}, cut_offs=[day])
        for rows in (earlier, {one: rows for one, rows in feed.items() if rows})
    )
    assert told.execute(asked).fetchall() == later.execute(asked).fetchall()
    assert told.execute(record).fetchall() == later.execute(record).fetchall()


@pytest.mark.parametrize("a_day", [0.5, 2, 50 / 7, 30, 400])
def test_an_ordinary_shop_has_no_holes(control, a_day):
    for seed in range(4):
        connection = control.over({"events.purchase": shop(seed, 500, a_day)})
        assert holes(connection) == {}


def test_cdnow_has_no_holes(control, shared_data):
    feed = dict(
        duckdb.execute(
            "select cast(event_time[:10] as date), count(*) from read_csv(?, all_varchar = true) "
            "where event_type = 'purchase' group by all",
            [str(shared_data / "cdnow_as_ecommerce" / "events.csv.gz")],
        ).fetchall()
    )
    assert len(feed) == 546
    connection = control.over({"events.purchase": feed})
    assert holes(connection) == {}
    assert known(connection) == date(1998, 7, 1)


def test_both_demos_have_the_holes_that_are_listed_and_no_others(demo):
    home, _ = demo
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        assert (
            connection.execute(
                "select count(*) from control.control__holes where domain = 'kkbox' "
                "or reason is null"
            ).fetchone()[0]
            == 0
        )
        assert connection.execute(
            "select count(*) from control.control__outcome_holes"
        ).fetchone() == (0,)
        ends = dict(
            connection.execute(
                "select domain, known_before from control.control__knowledge"
            ).fetchall()
        )
        assert ends == {"kkbox": date(2017, 4, 1), "ecommerce": date(2020, 5, 1)}


def rees46(*, purchases_missing=True):
    """Purchases by day as the seven months of the REES46 shop have them, in rough figures.

    Some 30,000 a day, twice that around 11 November (to the 17th) and on Black Friday, with no
    purchase on the days of its outages.
    """
    chance = random.Random(46)
    feed = {}
    for day in span(date(2019, 10, 1), 213):
        level = 30_000 * (0.85 if day.weekday() in (0, 1) else 1) * chance.uniform(0.85, 1.15)
        if date(2019, 11, 9) <= day <= date(2019, 11, 17):
            level *= 2.2
        if date(2019, 11, 29) <= day <= date(2019, 12, 1):
            level *= 1.6
        if day >= date(2019, 12, 25):
            level *= 0.7
        feed[day] = round(level)
    feed[date(2020, 2, 27)] //= 10
    if purchases_missing:
        for day in REES46_OUTAGES:
            del feed[day]
    return feed


REES46_OUTAGES = [
    date(2019, 11, 15),
    date(2020, 1, 1),
    date(2020, 1, 2),
    date(2020, 4, 20),
    date(2020, 4, 21),
]


def listed_outages():
    """The project's own list."""
    rows = duckdb.execute(
        "select table_name, started_on, ended_on from read_csv('seeds/feed_outages.csv') "
        "where domain = 'ecommerce'"
    ).fetchall()
    return [tuple(row) for row in rows]


def test_the_calendar_of_rees46_closes_its_cohorts(control):
    connection = control.over({"events.purchase": rees46()}, listed_outages())
    found = holes(connection)
    assert sorted(found) == sorted([*REES46_OUTAGES, date(2020, 2, 27)])
    assert known(connection) == date(2020, 5, 1)
    # nothing keeps a cohort open
    assert connection.execute("select count(*) from control.control__outcome_holes").fetchone() == (
        0,
    )


def unexplained(connection):
    return connection.execute(
        "select table_name, day from control.control__holes where reason is null order by all"
    ).fetchall()


def test_a_file_of_purchases_alone_has_their_reasons(control):
    feed = rees46()
    connection = control.over({"events": feed, "events.purchase": feed}, listed_outages())
    assert unexplained(connection) == []
    # a day without views either is no outage of purchases alone
    views = dict.fromkeys(span(date(2019, 10, 1), 213), 500_000)
    del views[date(2020, 1, 1)]
    both = {day: views.get(day, 0) + feed.get(day, 0) for day in span(date(2019, 10, 1), 213)}
    connection = control.over(
        {"events": both, "events.purchase": feed, "events.view": views}, listed_outages()
    )
    day = date(2020, 1, 1)
    assert unexplained(connection) == [("events", day), ("events.view", day)]


def test_the_same_calendar_without_reasons_keeps_touched_cohorts_open(control):
    connection = control.over({"events.purchase": rees46()})
    assert known(connection) == date(2020, 5, 1)
    rows = connection.execute("from control.control__outcome_holes order by all").fetchall()
    assert [row[1] for row in rows] == sorted([*REES46_OUTAGES, date(2020, 2, 27)])
    # never more than three within ninety: their cohorts close where no outcome is missing
    assert [row for row in rows if row[2] and row[2] < row[3]] == []
    # a week after an outage, rows may still come
    until = {day: rows for day, rows in rees46().items() if day < date(2020, 1, 9)}
    assert known(control.over({"events.purchase": until})) == date(2020, 1, 1)
    until[date(2020, 1, 9)] = 20_000
    assert known(control.over({"events.purchase": until})) == date(2020, 1, 10)


@pytest.mark.parametrize("a_day", [1.4, 10, 90])
@pytest.mark.parametrize("month", [6, 8, 10])
def test_a_month_that_is_missing_is_a_hole(control, a_day, month):
    feed = shop(7, 330, a_day, first=date(2023, 1, 1))
    first = date(2023, month, 1)
    days = (date(2023, month + 1, 1) - first).days
    connection = control.over({"events.purchase": without(feed, first, days)})
    found = holes(connection)
    assert set(span(first, days)) - set(found) == set()
    # a small shop's days without purchases beside it cannot be told from it
    assert all(first - 6 * DAY <= day < first + (days + 6) * DAY for day in found)
    assert a_day < 10 or sorted(found) == span(first, days)
    end = max(feed) + DAY
    # more than three days of ninety are missing
    ended = end - first < timedelta(days=90 + days - 3)
    assert known(connection) == (min(found) if ended else end)


@pytest.mark.parametrize("a_day", [0.5, 4, 12])
def test_orders_are_missing_on_a_day_on_which_everything_is(control, a_day):
    """Too few for their own absence to say anything; beside views it does."""
    views, orders = shop(1, 120, 400), shop(2, 120, a_day)
    day = FIRST + timedelta(days=100)
    orders[day] = max(2, round(a_day))
    assert holes(control.over({"events.purchase": without(orders, day, 1)})) == {}

    def over(views, orders):
        everything = {on: views.get(on, 0) + orders.get(on, 0) for on in views | orders}
        feeds = {"events": everything, "events.view": views, "events.purchase": orders}
        return control.over(feeds)

    lost = over(without(views, day, 1), without(orders, day, 1))
    assert holes(lost) == holes(lost, "events") == {day: day + DAY}
    # a log of views that stops says nothing of orders that are there
    half = over(without(views, day, 1), orders)
    assert (holes(half), holes(half, "events.view")) == ({}, {day: day + DAY})


@pytest.mark.parametrize("a_day", [1.4, 10, 90])
@pytest.mark.parametrize("rows", [1, 3, 400])
@pytest.mark.parametrize("at", [date(2024, 1, 20), date(2024, 11, 20), date(1970, 1, 1)])
def test_stray_rows_move_nothing(control, a_day, rows, at):
    feed = shop(5, 330, a_day, first=date(2023, 1, 1))
    end = max(feed) + DAY
    cut_offs = [date(2023, 9, 1), end]
    plain = control.over({"events.purchase": feed}, cut_offs=cut_offs)
    stray = control.over({"events.purchase": feed | {at: rows}}, cut_offs=cut_offs)
    asked = "select * from control.control__windows order by all"
    assert known(stray) == known(plain) == end
    assert stray.execute(asked).fetchall() == plain.execute(asked).fetchall()


def test_a_feed_that_comes_back_is_known_again(control):
    feed = shop(5, 500, 10)
    gap = FIRST + 200 * DAY
    back = gap + 60 * DAY
    for days_since, is_known in ((1, False), (20, False), (60, False), (92, True)):
        end = back + days_since * DAY
        there = {day: rows for day, rows in without(feed, gap, 60).items() if day < end}
        connection = control.over({"events.purchase": there})
        assert (known(connection) == end) == is_known, days_since
        # the rows that were missing arrive
        connection = control.over({"events.purchase": {d: r for d, r in feed.items() if d < end}})
        assert known(connection) == end


def test_thin_days_are_holes_until_they_are_the_usual(control):
    feed = shop(3, 300, 100)
    for day in span(FIRST + 200 * DAY, 100):
        feed[day] = feed[day] // 10
    connection = control.over({"events.purchase": feed})
    found = holes(connection)
    assert min(found) == FIRST + 200 * DAY
    # after four weeks of eight it is no longer far below
    assert max(found) < FIRST + (200 + 45) * DAY


def test_the_grace_is_shorter_than_the_shortest_window(control):
    lengths = {
        row[0]
        for row in control.over({"events.purchase": shop(1, 100, 50)}, cut_offs=[FIRST + 100 * DAY])
        .execute("select window_days - until_days from control.control__windows")
        .fetchall()
    }
    for entry in domain_entries().values():
        assert entry.coverage_grace_days < min(lengths)


def test_the_reference_has_thin_days_of_each_length():
    """The comparison above would be empty if no feed had any."""
    feed = without(shop(7, 330, 10), FIRST + 200 * DAY, 40)
    judged: Judged = judge(feed)
    assert judged.thin[7]
    assert judged.thin[28]
    assert judge(without(shop(7, 330, 90), FIRST + 200 * DAY, 1)).thin[1]


@pytest.mark.parametrize(
    ("seen", "today", "days"),
    [
        (date(2023, 3, 29), date(2023, 3, 29), None),
        (date(2023, 3, 29), date(2023, 3, 30), 1),
        (date(2023, 3, 28), date(2023, 3, 30), 1),  # the day is over elsewhere before UTC's is
        (date(2023, 3, 30), date(2023, 4, 2), 4),
        (date(2023, 3, 31), date(2023, 4, 2), None),  # loaded long after its days
        (date(2026, 1, 1), date(2026, 1, 9), None),
    ],
)
def test_days_are_awaited_of_a_feed_that_brings_each_day_once_it_is_over(
    control, seen, today, days
):
    feed = dict.fromkeys(span(date(2023, 3, 1), 28), 5)
    connection = control.over({"events.purchase": feed, "events": {date(2023, 3, 29): 1}})
    connection.execute("create schema lake")
    connection.execute(
        "create table lake.ecommerce_events as select unnest(?::date[]) as first_seen_on",
        [[date(2023, 3, 2), seen]],
    )
    late = late_feed(connection, "ecommerce", today)
    assert (late.days if late else None) == days
    if late:
        assert f"events.purchase ends on 2023-03-28, and today is {today}" in str(late)


def test_nothing_is_awaited_of_a_domain_without_rows(control):
    assert late_feed(control.over({}), "ecommerce", date(2023, 3, 30)) is None
