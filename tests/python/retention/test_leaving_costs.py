"""What leaving costs, by the project's SQL, against the same in plain Python."""

import random
from collections import defaultdict
from datetime import date, timedelta

import duckdb
import pytest
from reference.stack import compiled_once, in_memory

from pipeline.realtime.leaving_costs import LeavingCosts
from pipeline.warehouse.compiled_sql import compiled_model, read_manifest

MODELS = (
    "int_churn__value_bands_cut",
    "int_churn__outcome_revenues_summed",
    "int_churn__leaving_shares_measured",
    "int_churn__leaving_costs_measured",
    "int_churn__leaving_costs_checked",
)
BANDS = ("low", "middle", "high")
DOMAIN = "kkbox"  # a value of 180 days
STEPS = range(1, 7)


def months(count, first=date(2015, 1, 1)):
    return [date(first.year + at // 12, at % 12 + 1, 1) for at in range(count)]


class World:
    """Cohorts with values and outcomes, and what their customers pay.

    Args:
        seed: Of chance.
        customers: Customers of a cohort.
        cut_offs: Cohorts.
        known_before: First day that is not known.
    """

    def __init__(self, seed, customers, cut_offs, known_before):
        chance = random.Random(seed)
        self.known_before = known_before
        self.examples, self.revenue = [], defaultdict(int)
        for day in cut_offs:
            closes = day + timedelta(days=30)
            for place in range(customers):
                who = f"{day:%y%m}-{place}"
                value = chance.choice([None, 100.0, 150.0, 149.5, 900.0, 300.25])
                left = chance.random() < 0.4
                self.examples.append(
                    (who, day, closes, left if closes <= known_before else None, value)
                )
                for _ in range(chance.randrange(1 if left else 6)):
                    paid = day + timedelta(days=chance.randrange(-20, 230))
                    if paid < known_before:
                        self.revenue[who, paid] += chance.randrange(-2_000, 20_000)
        # 16th of a month: a cohort of the grid that does not stand for its month
        self.examples += [
            (who, day + timedelta(days=15), closes, left, value)
            for who, day, closes, left, value in self.examples[:customers]
        ]


@pytest.fixture(scope="module")
def sql(run_dbt, tmp_path_factory):
    home = compiled_once(run_dbt, tmp_path_factory)
    nodes = {node["name"]: node for node in read_manifest(home)["nodes"].values()}
    return [compiled_model(nodes[name]) for name in MODELS]


def measured(sql, world):
    connection = duckdb.connect(config={"threads": 1})
    connection.execute(
        "create schema churn; create schema control; "
        "create table churn.int_churn__examples_unioned (domain varchar, customer_id varchar, "
        "as_of_date date, label_known_on date, is_churned boolean, customer_value double); "
        "create table churn.int_churn__revenue_days_unioned (domain varchar, customer_id varchar, "
        "booked_on date, amount_cents bigint); "
        "create table control.control__cut_offs (domain varchar, as_of_date date, "
        "is_on_grid boolean); "
        "create table control.control__knowledge (domain varchar, known_before date)"
    )
    connection.executemany(
        f"insert into churn.int_churn__examples_unioned values ('{DOMAIN}', ?, ?, ?, ?, ?)",
        world.examples,
    )
    if world.revenue:
        connection.executemany(
            f"insert into churn.int_churn__revenue_days_unioned values ('{DOMAIN}', ?, ?, ?)",
            [(*key, cents) for key, cents in world.revenue.items()],
        )
    connection.execute(
        "insert into control.control__cut_offs select distinct domain, as_of_date, true "
        "from churn.int_churn__examples_unioned"
    )
    connection.execute(
        "insert into control.control__knowledge values (?, ?)", [DOMAIN, world.known_before]
    )
    for model in sql:
        connection.execute(f"create table {model.relation} as {in_memory(model.sql)}")
    return connection


def band_of(value, ranked):
    low, middle = (ranked[-(-part * len(ranked) // 3) - 1] for part in (1, 2))
    return "low" if value <= low else "middle" if value <= middle else "high"


def expected_season(sums, day, step, stayers):
    """What stayers of a year ago paid in these 30 days, over what all stayers did."""
    ago = day - timedelta(days=365)
    cohorts = {
        cohort
        for cohort, closes, end, at, *_ in sums
        if at == step and closes <= day and end <= day and abs(cohort - ago).days <= 18
    }
    if not cohorts:
        return 1.0
    nearest = min(cohorts, key=lambda cohort: (abs(cohort - ago), cohort))
    rows = [row for key, row in sums.items() if (key[0], key[3], key[5]) == (nearest, step, False)]
    customers, value, revenue = (sum(column) for column in zip(*rows, strict=True))
    if customers < 100 or revenue <= 0:
        return 1.0
    return (revenue / value) / (stayers[2] / stayers[1])


def expected_shares(world):
    """(cut-off, band) → horizon, share of stayers, share of leavers; in plain Python."""
    cohorts = defaultdict(list)
    for who, day, closes, left, value in world.examples:
        if value is not None:
            cohorts[day].append((who, closes, left, value))
    sums = defaultdict(lambda: [0, 0, 0])  # customers, value, revenue in cents
    for day, members in cohorts.items():
        ranked = sorted(value for *_, value in members)
        if day.day != 1:
            continue
        for who, closes, left, value in members:
            if left is None:
                continue
            for step in STEPS:
                begin, end = (day + timedelta(days=30 * at) for at in (step - 1, step))
                if end > world.known_before:
                    continue
                key = (day, closes, end, step, band_of(value, ranked), left)
                sums[key][0] += 1
                sums[key][1] += round(100 * value)
                sums[key][2] += sum(
                    cents
                    for (payer, on), cents in world.revenue.items()
                    if payer == who and begin <= on < end
                )
    found = {}
    for day in cohorts:
        for band in BANDS:
            shares, horizon = {False: 0.0, True: 0.0}, 0
            for step in STEPS:
                parts = {}
                for which in (band, None):
                    parts[which] = {}
                    for left in (False, True):
                        rows = [
                            row
                            for (cohort, closes, end, at, of, is_left), row in sums.items()
                            if at == step
                            and is_left == left
                            and which in (None, of)
                            and closes <= day
                            and end <= day
                            and cohort >= day - timedelta(days=366 + 30 * step)
                        ]
                        parts[which][left] = [
                            sum(column) for column in zip(*rows, strict=True)
                        ] or [0, 0, 0]
                of_band = all(part[0] >= 30 for part in parts[band].values())
                chosen = parts[band if of_band else None]
                if not all(part[1] for part in chosen.values()):
                    break
                horizon = 30 * step
                season = expected_season(sums, day, step, parts[None][False])
                for left, part in chosen.items():
                    shares[left] += round(1e6 * season * part[2] / part[1]) / 1e6
            if horizon:
                found[day, band] = (horizon, shares[False], shares[True])
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("customers", [25, 150, 250])
def test_shares_are_those_of_plain_python(sql, seed, customers):
    world = World(seed, customers, months(16), date(2016, 3, 20 + seed))
    connection = measured(sql, world)
    found = {
        (day, band): tuple(rest)
        for day, band, *rest in connection.execute(
            "select as_of_date, value_band, horizon_days, stayed_share, left_share "
            "from churn.int_churn__leaving_costs_measured"
        ).fetchall()
    }
    expected = expected_shares(world)
    assert found.keys() == expected.keys()
    # from 1 January to 1 March are 59 days
    assert {horizon for horizon, *_ in found.values()} == {30, 90, 120, 150, 180}
    for key, row in expected.items():
        assert found[key] == pytest.approx(row, abs=2e-6), key


def test_later_days_tell_a_cut_off_nothing(sql):
    world = World(9, 150, months(16), date(2016, 5, 1))
    later = measured(sql, world)
    day = date(2015, 11, 1)
    world.known_before = day
    world.examples = [
        (who, at, closes, left if closes <= day else None, value)
        for who, at, closes, left, value in world.examples
        if at <= day
    ]
    world.revenue = {key: cents for key, cents in world.revenue.items() if key[1] < day}
    then = measured(sql, world)
    asked = (
        "select * from churn.int_churn__leaving_costs_measured where as_of_date <= ? order by all"
    )
    assert then.execute(asked, [day]).fetchall() == later.execute(asked, [day]).fetchall()
    assert len(then.execute(asked, [day]).fetchall()) > 20


def test_what_was_expected_stands_beside_what_came(sql):
    """Everybody pays 30 a month; who leaves stops, so leaving costs the whole value."""
    world = World(1, 0, [], date(2016, 5, 1))
    for at, day in enumerate(months(14)):
        for place in range(200):
            who, left = f"{at}-{place}", place % 2 == 0
            closes = day + timedelta(days=30)
            world.examples.append((who, day, closes, left, 180.0 + place % 3))
            if not left:
                for step in range(6):
                    world.revenue[who, day + timedelta(days=30 * step)] = 3_000
    connection = measured(sql, world)
    rows = connection.execute(
        "select checked_days, customers, expected_cents, realised_cents "
        "from churn.int_churn__leaving_costs_checked where as_of_date >= date '2015-08-01'"
    ).fetchall()
    assert rows
    for days, customers, expected, realised in rows:
        assert expected == pytest.approx(realised, rel=1e-4)
        assert realised == pytest.approx(customers * 100 * days, rel=0.01)


def test_a_holiday_of_last_year_is_expected_again(sql):
    """Stayers pay 30 a month and twice that in December; values are 180 all year."""
    world = World(1, 0, [], date(2017, 2, 1))
    for at, day in enumerate(months(20)):
        for place in range(400):
            who, left = f"{at}-{place}", place % 2 == 0
            world.examples.append((who, day, day + timedelta(days=30), left, 180.0 + place % 3))
            for step in range(0 if left else 6):
                paid = day + timedelta(days=30 * step)
                world.revenue[who, paid] = 6_000 if paid.month == 12 else 3_000
    rows = (
        measured(sql, world)
        .execute(
            "select as_of_date, sum(expected_cents) / sum(realised_cents) "
            "from churn.int_churn__leaving_costs_checked group by all order by all"
        )
        .fetchall()
    )
    # December is not in the shares of a first year's August; it is known a year later
    assert dict(rows)[date(2015, 10, 1)] < 0.9
    assert dict(rows)[date(2016, 7, 1)] == pytest.approx(1, abs=0.02)
    assert dict(rows)[date(2016, 8, 1)] == pytest.approx(1, abs=0.02)


def test_real_time_takes_the_band_of_the_published_cohort():
    costs = LeavingCosts(100.0, 300.0, {"low": 0.5, "middle": 0.4, "high": 0.1}, 180)
    assert [costs.of(value) for value in (100.0, 100.5, 300.0, 301.0)] == pytest.approx(
        [50, 40.2, 120, 30.1]
    )
    assert costs.of(None) is None
    assert LeavingCosts(None, None, {}, None).of(50.0) is None
