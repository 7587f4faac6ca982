"""The shop's demo: its truth is the best prediction, its figures the published ones."""

import itertools
import json
from datetime import date, timedelta
from pathlib import Path

import duckdb
import lightgbm
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.demo import generate
from pipeline.demo.ecommerce import generate_ecommerce
from pipeline.demo.ecommerce.calendar import DAYS, FIRST_DAY, cut_offs
from pipeline.demo.ecommerce.customers import Behaviour
from pipeline.demo.ecommerce.forward import Chain, beliefs, unmarked_within
from pipeline.demo.ecommerce.generate import FULL, LEAST, ShopSimulation, simulate
from pipeline.demo.ecommerce.process import chain, states
from pipeline.demo.ecommerce.truth import truth_of
from pipeline.project.errors import ChurnError

SEED, SCALE, SMALL = 20200501, 0.15, 0.03
HEADER = (
    "event_time,event_type,product_id,category_id,category_code,brand,price,user_id,user_session"
)
MONTHS = [
    f"{year}-{name}"
    for year, names in (
        (2018, "Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
        (2019, "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec"),
        (2020, "Jan Feb Mar Apr"),
    )
    for name in names.split()
]
LAST_CLOSED = date(2020, 4, 1)
NO_SALES = ["2019-11-15", "2020-01-01", "2020-01-02", "2020-04-20", "2020-04-21"]
MONTH_STARTS = [
    date(year, month, 1)
    for year, months in ((2018, range(5, 13)), (2019, range(1, 13)), (2020, range(1, 6)))
    for month in months
]


class Demo:
    """A generated demo, and what was drawn for it."""

    def __init__(self, folder: Path, scale: float) -> None:
        self.raw = folder / "raw" / "ecommerce"
        self.truth_path = folder / "truth" / "ecommerce.parquet"
        self.summary = generate_ecommerce(self.raw, self.truth_path, scale=scale, seed=SEED)
        self.drawn: ShopSimulation = simulate(round(scale * FULL), SEED)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return Demo(tmp_path_factory.mktemp("shop"), SCALE)


@pytest.fixture(scope="module")
def warehouse(demo: Demo) -> duckdb.DuckDBPyConnection:
    return opened(demo)


def opened(demo: Demo) -> duckdb.DuckDBPyConnection:
    """The files as they are, and sessions, orders and outcomes as anybody would derive them."""
    connection = duckdb.connect()
    for statement in f"""
        create table rows as
            select * exclude filename, split(parse_filename(filename), '.')[1] as file,
                row_number() over () as position
            from read_csv('{demo.raw}/*.csv', all_varchar = true, filename = true);
        create table events as
            select distinct
                strptime(event_time, '%Y-%m-%d %H:%M:%S UTC') as second, second::date as day,
                event_type, product_id, category_id, category_code, brand,
                price::double as price, user_id, user_session
            from rows;
        create table sessions as
            select
                user_id, user_session, count(*) as events, min(second) as began,
                max(second) as ended, epoch(max(second) - min(second)) as seconds,
                bool_or(event_type = 'purchase') as is_order
            from events where user_session is not null group by all;
        create table orders as
            select
                user_id, user_session, day, count(*) as units,
                count(distinct product_id) as products
            from events where event_type = 'purchase' group by all;
        create table buying as
            select
                user_session, day, bool_or(event_type = 'cart') as has_cart,
                day between '2019-10-01' and '2019-11-30' as is_broken
            from events group by all having bool_or(event_type = 'purchase');
        create table truth as
            select *, churn_probability as p from '{demo.truth_path}';
        create table outcomes as
            select
                truth.customer_id, as_of_date, any_value(p) as p,
                count(*) filter (o.day >= as_of_date and o.day < as_of_date + 30) = 0 as churned,
                count(distinct o.day) filter (o.day < as_of_date) as ordered_on,
                as_of_date - max(o.day) filter (o.day < as_of_date) as recency
            from truth inner join orders as o on o.user_id = truth.customer_id
            where as_of_date <= '{LAST_CLOSED}'
            group by truth.customer_id, as_of_date;
        create table cohorts as
            select * from outcomes
            where day(as_of_date) = 1 and ordered_on >= 2 and recency <= 90;
    """.split(";"):
        if statement.strip():
            connection.execute(statement)
    return connection


def one(connection: duckdb.DuckDBPyConnection, query: str) -> float:
    (found,) = connection.execute(query).fetchone() or (None,)
    return found


def log_loss(p: np.ndarray, churned: np.ndarray) -> float:
    return float(-np.mean(np.where(churned, np.log(p), np.log1p(-p))))


def auc(p: np.ndarray, churned: np.ndarray) -> float:
    rank = np.argsort(np.argsort(p)) + 1
    ones = churned.sum()
    return float((rank[churned].sum() - ones * (ones + 1) / 2) / (ones * (~churned).sum()))


# -- the filter is right ---------------------------------------------------------------------


def dying(marks: float, dies: float, days: int) -> Chain:
    """Two states, alive and gone; who is alive marks a day now and then, nothing is counted."""
    unmarked = np.array([[(1 - marks) * (1 - dies), (1 - marks) * dies], [0.0, 1.0]])
    return Chain(
        count_rate=np.zeros(2),
        count_factor=np.ones(days),
        mark=np.tile([marks, 0.0], (days, 1)),
        unmarked=np.tile(unmarked, (days, 1, 1)),
        marked=np.array([[1 - dies, dies], [0.0, 1.0]]),
    )


def test_silence_is_weighed_as_the_closed_formula_weighs_it() -> None:
    marks, dies, silent, horizon = 0.1, 0.05, 12, 30
    known = beliefs(
        dying(marks, dies, silent),
        prior=np.array([[1.0, 0.0]]),
        begins_on=np.zeros(1, dtype=np.int32),
        counts=np.zeros((silent, 1), dtype=np.int16),
        marks=np.zeros((silent, 1), dtype=np.bool_),
        cut_offs=np.array([silent], dtype=np.int32),
    )
    (_, belief), *_ = known
    stays = (1 - marks) * (1 - dies)

    def silent_and_gone(days: int) -> float:
        return dies * (1 - marks) * (1 - stays**days) / (1 - stays)

    alive = stays**silent / (stays**silent + silent_and_gone(silent))
    assert belief[0, 0] == pytest.approx(alive, rel=1e-12)
    ahead = unmarked_within(dying(marks, dies, horizon), 0, horizon)
    assert ahead == pytest.approx([stays**horizon + silent_and_gone(horizon), 1.0], rel=1e-12)


def random_chain(rng: np.random.Generator, size: int, days: int) -> Chain:
    mark = rng.uniform(0.05, 0.6, (days, size))
    onward = rng.dirichlet(np.ones(size), (days, size))
    return Chain(
        count_rate=rng.uniform(0.1, 1.5, size),
        count_factor=rng.uniform(0.5, 1.5, days),
        mark=mark,
        unmarked=(1 - mark)[:, :, None] * onward,
        marked=rng.dirichlet(np.ones(size), size),
    )


def test_beliefs_are_the_sums_over_all_hidden_paths() -> None:
    rng = np.random.default_rng(3)
    size, days = 3, 6
    made = random_chain(rng, size, days)
    # One customer shows much, one nothing, one begins later.
    counts = np.array([[2, 0, 3], [0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 0, 2], [4, 0, 0]])
    marks = np.array([[1, 0, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0], [0, 0, 1], [0, 0, 0]]) > 0
    begins = np.array([0, 0, 2], dtype=np.int32)
    prior = rng.dirichlet(np.ones(size), 3)

    def by_paths(customer: int, until: int) -> np.ndarray:
        end = np.zeros(size)
        start = int(begins[customer])
        for path in itertools.product(range(size), repeat=until - start + 1):
            chance = prior[customer, path[0]]
            for day, (here, there) in enumerate(itertools.pairwise(path), start):
                mean, count = (
                    made.count_rate[here] * made.count_factor[day],
                    counts[day, customer],
                )
                chance *= np.exp(-mean) * mean**count / np.prod(np.arange(1.0, count + 1))
                chance *= (
                    made.mark[day, here] * made.marked[here, there]
                    if marks[day, customer]
                    else made.unmarked[day, here, there]
                )
            end[path[-1]] += chance
        return end / end.sum()

    asked = np.array([3, 6], dtype=np.int32)
    known = beliefs(
        made,
        prior=prior,
        begins_on=begins,
        counts=counts.astype(np.int16),
        marks=marks,
        cut_offs=asked,
    )
    for cut_off, belief in known:
        for customer in range(3):
            assert belief[customer] == pytest.approx(by_paths(customer, cut_off), rel=1e-12)


def test_no_mark_within_a_horizon_is_the_sum_over_all_hidden_paths() -> None:
    made = random_chain(np.random.default_rng(4), 3, 5)
    for first in range(3):
        chance = sum(
            np.prod([made.unmarked[1 + at, a, b] for at, (a, b) in enumerate(steps)])
            for path in itertools.product(range(3), repeat=3)
            if (steps := list(itertools.pairwise((first, *path))))
        )
        assert unmarked_within(made, 1, 3)[first] == pytest.approx(chance, rel=1e-12)


def test_the_process_is_one_of_probabilities() -> None:
    hidden = states()
    assert hidden.new.sum() == pytest.approx(1) and hidden.at_start.sum() == pytest.approx(1)
    for habit in range(3):
        made = chain(hidden, habit)
        assert made.unmarked.min() >= 0 and made.marked.min() >= 0
        assert made.unmarked.sum(axis=2) + made.mark == pytest.approx(np.ones(made.mark.shape))
        assert made.marked.sum(axis=1) == pytest.approx(np.ones(len(hidden)))
        # Gone is gone, and on days without sales nobody orders.
        assert made.unmarked[:, 0, 0] == pytest.approx(np.ones(len(made.mark)))
        outage = (date(2020, 4, 20) - date(1970, 1, 1)).days - FIRST_DAY
        assert made.mark[outage].max() == 0 < made.mark[outage - 1].max()


# -- the truth is the best prediction --------------------------------------------------------


def test_truth_covers_whoever_has_ordered_before_each_cut_off(
    demo: Demo, warehouse: duckdb.DuckDBPyConnection
) -> None:
    dates = warehouse.execute("select distinct as_of_date from truth").fetchall()
    mondays = {date(2018, 5, 7) + timedelta(weeks=week) for week in range(104)}
    assert {day for (day,) in dates} == {*MONTH_STARTS, *mondays}
    assert max(mondays) == date(2020, 4, 27)
    assert warehouse.execute("""
        with expected as (
            select user_id as customer_id, as_of_date
            from (select user_id, min(day) as first from orders group by all)
            inner join (select distinct as_of_date from truth) on first < as_of_date
        )
        select
            (select count(*) from expected anti join truth using (customer_id, as_of_date)),
            (select count(*) from truth anti join expected using (customer_id, as_of_date)),
            (select count(*) - count(distinct (customer_id, as_of_date)) from truth)
    """).fetchone() == (0, 0, 0)


def test_outcomes_in_the_files_come_with_the_stated_probability(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    bands = warehouse.execute("""
        select
            'band ' || least(floor(p * 10), 9) as part, count(*) as customers,
            sum(churned::int) - sum(p) as surprise, sqrt(sum(p * (1 - p))) as spread
        from cohorts group by all
        union all
        select as_of_date::varchar, count(*), sum(churned::int) - sum(p), sqrt(sum(p * (1 - p)))
        from outcomes where day(as_of_date) = 1 group by all
    """).fetchall()
    assert len(bands) >= 9 + 16
    for part, customers, surprise, spread in bands:
        assert abs(surprise) < 4 * max(spread, 0.5), (part, customers)


def test_no_simple_prediction_comes_near_the_truth(warehouse: duckdb.DuckDBPyConnection) -> None:
    table = warehouse.execute("select p, churned, recency, ordered_on from cohorts").fetchnumpy()
    p, churned = np.asarray(table["p"]), np.asarray(table["churned"])
    assert p.min() > 0 and p.max() < 1
    assert 0.75 < auc(p, churned) < 0.87
    assert log_loss(p, churned) < log_loss(np.full(len(p), churned.mean()), churned) - 0.10
    # Even the rates of the very same rows by recency and orders do worse.
    group = np.minimum(table["recency"] // 10, 8) * 10 + np.minimum(table["ordered_on"], 9)
    rates = np.bincount(group, churned) / np.maximum(np.bincount(group), 1)
    guess = np.clip(rates[group], 0.01, 0.99)
    assert log_loss(p, churned) < log_loss(guess, churned) - 0.03


def test_truth_does_not_change_when_the_future_does(demo: Demo) -> None:
    hidden = demo.drawn
    known_before = (date(2019, 9, 1) - date(1970, 1, 1)).days - FIRST_DAY
    behaviour = Behaviour(hidden.behaviour.visits.copy(), hidden.behaviour.orders.copy())
    behaviour.visits[known_before:] = 9
    behaviour.orders[known_before:] = 0
    behaviour.orders[known_before, ::2] = 1
    rows = [
        (truth.customer[past], truth.as_of[past], truth.probability[past])
        for truth in (
            truth_of(hidden.states, hidden.customers, hidden.behaviour),
            truth_of(hidden.states, hidden.customers, behaviour),
        )
        if len(past := truth.as_of <= known_before)
    ]
    for before, after in zip(*rows, strict=True):
        np.testing.assert_allclose(before, after, rtol=1e-9)
    assert len(rows[0][0]) > 10_000


def test_files_show_what_the_truth_was_computed_from(
    demo: Demo, warehouse: duckdb.DuckDBPyConnection
) -> None:
    behaviour, customers = demo.drawn.behaviour, demo.drawn.customers
    buyers = np.flatnonzero(behaviour.ordered.any(axis=0))
    last = pq.read_table(demo.truth_path, filters=[("as_of_date", "=", date(2020, 5, 1))])
    ids = last["customer_id"].to_pylist()
    assert len(ids) == len(buyers)
    column = dict(zip(ids, buyers, strict=True))
    visits, orders = np.zeros_like(behaviour.visits), np.zeros_like(behaviour.orders)
    for user, day, bought, count in warehouse.execute("""
        select user_id, began::date, false, count(*) from sessions where not is_order group by all
        union all
        select user_id, day, true, count(*) from orders where user_session is not null group by all
    """).fetchall():
        if user in column:
            at = (day - date(1970, 1, 1)).days - FIRST_DAY
            (orders if bought else visits)[at, column[user]] += count
    # Who keeps a session for weeks shows fewer visits than there were.
    keepers = {
        user
        for (user,) in warehouse.execute(
            "select distinct user_id from sessions where ended - began > interval 1 day"
            " and user_id in (select customer_id from truth)"
        ).fetchall()
    }
    assert len(keepers) < 0.01 * len(ids)
    plain = np.array([column[user] for user in ids if user not in keepers])
    began = np.arange(DAYS)[:, None] >= customers.begins_on[plain]
    assert (orders[:, plain] == behaviour.orders[:, plain]).all()
    assert (visits[:, plain] == behaviour.visits[:, plain])[began].all()
    assert visits[:, plain].sum() > 20_000


def test_truth_file_holds_the_filter_of_the_draws(demo: Demo) -> None:
    truth = truth_of(demo.drawn.states, demo.drawn.customers, demo.drawn.behaviour)
    table = pq.read_table(demo.truth_path)
    assert table.schema.names == ["customer_id", "as_of_date", "churn_probability", "outcome"]
    assert table["outcome"].unique().to_pylist() == ["no_order_h30"]
    stated = table["churn_probability"].to_numpy()
    assert stated.min() > 0 and stated.max() < 1
    np.testing.assert_allclose(stated, truth.probability, rtol=1e-9)
    days = table["as_of_date"].to_numpy().astype(np.int64) - FIRST_DAY
    assert (days == truth.as_of).all() and (np.unique(days) == cut_offs()).all()


def test_truth_is_the_plain_recursion_day_by_day(demo: Demo) -> None:
    hidden, behaviour, customers = demo.drawn.states, demo.drawn.behaviour, demo.drawn.customers
    truth = truth_of(hidden, customers, behaviour)
    chains = [chain(hidden, habit) for habit in range(3)]
    for row in np.random.default_rng(5).choice(len(truth.customer), 40, replace=False):
        customer, as_of = truth.customer[row], truth.as_of[row]
        made = chains[customers.habit[customer]]
        first = customers.first_order[customer]
        belief = hidden.at_start if first < 0 else hidden.new
        for day in range(first + 1, as_of):
            mean = made.count_rate * made.count_factor[day]
            seen = belief * np.exp(-mean) * mean ** behaviour.visits[day, customer]
            if behaviour.orders[day, customer]:
                belief = (seen * made.mark[day]) @ made.marked
            else:
                belief = seen @ made.unmarked[day]
            belief = belief / belief.sum()
        for day in range(as_of, as_of + 30):
            belief = belief @ made.unmarked[day]
        assert truth.probability[row] == pytest.approx(belief.sum(), rel=1e-9)


def test_nothing_else_in_the_files_tells_more(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute("""
        with visits as (
            select
                user_id, user_session, min(second) as began, count(*) as events,
                count(*) filter (event_type = 'cart') as carts,
                count(*) filter (event_type = 'purchase') as units,
                avg(ln(price + 1)) as price, avg((brand is null)::int) as unbranded
            from events group by all
        )
        select
            any_value(churned::int - p) as surprise, any_value(p * (1 - p)) as variance,
            avg(ln(events)) as events, avg(carts) as carts,
            avg(units) filter (units > 0) as units, avg(price) as price,
            avg(unbranded) as unbranded, avg(hour(began)) as hour,
            any_value(customer_id::bigint) as id
        from cohorts inner join visits on user_id = customer_id and began < as_of_date
        group by customer_id, as_of_date
    """).fetchnumpy()
    assert len(rows["surprise"]) > 5_000
    for name in ("events", "carts", "units", "price", "unbranded", "hour", "id"):
        value = rows[name] - rows[name].mean()
        spread = (rows["variance"] * value**2).sum() ** 0.5
        assert abs((rows["surprise"] * value).sum()) < 3 * spread, name


def test_who_browses_comes_back_more_often_after_the_same_silence(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    came, away = warehouse.execute("""
        with silent as (
            select churned, exists (
                from sessions where user_id = customer_id and not is_order
                and began < as_of_date and began >= as_of_date - 30
            ) as came
            from cohorts where recency between 30 and 60
        )
        select
            avg(churned::int) filter (came), avg(churned::int) filter (not came)
        from silent
    """).fetchone() or (1.0, 0.0)
    assert came < away - 0.15


def test_season_moves_churn(warehouse: duckdb.DuckDBPyConnection) -> None:
    churn = dict(
        warehouse.execute(
            "select strftime(as_of_date, '%Y-%m'), avg(churned::int) from cohorts group by all"
        ).fetchall()
    )
    assert churn["2019-12"] < churn["2019-07"] - 0.1 and churn["2019-12"] < churn["2020-01"] - 0.1
    assert min(churn.values()) > 0.42 and max(churn.values()) < 0.78


def test_cohorts_stay_large_enough(warehouse: duckdb.DuckDBPyConnection) -> None:
    sizes = warehouse.execute(
        "select as_of_date, count(*) from cohorts where as_of_date >= '2019-03-01' group by all"
    ).fetchall()
    assert len(sizes) == 14
    for cut_off, size in sizes:
        assert 1_600 * SCALE < size < 4_100 * SCALE, cut_off


# -- the figures are the published ones ------------------------------------------------------

SHARES = [
    # what, one number, target (FACTS), how far it may be off
    ("views", "select avg((event_type = 'view')::int) from events", 0.939, 0.015),
    ("carts", "select avg((event_type = 'cart')::int) from events", 0.044, 0.006),
    ("purchases", "select avg((event_type = 'purchase')::int) from events", 0.016, 0.015),
    (
        "buyers with two orders",
        "select avg((n > 1)::int) from (select count(*) as n from orders group by user_id)",
        0.45,
        0.04,
    ),
    (
        "users with two orders",
        "select count(*) filter (n > 1) / (select count(distinct user_id) from events)"
        " from (select count(*) as n from orders group by user_id)",
        0.060,
        0.008,
    ),
    ("events of a session", "select median(events) from sessions", 2, 0),
    ("mean of those", "select avg(events) from sessions", 4.6, 0.5),
    ("seconds of a session", "select median(seconds) from sessions", 42, 6),
    (
        "no category code before December",
        "select avg((category_code is null)::int) from events where day < '2019-12-01'",
        0.32,
        0.03,
    ),
    (
        "no category code from December on",
        "select avg((category_code is null)::int) from events where day >= '2019-12-01'",
        0.115,
        0.02,
    ),
    ("no brand", "select avg((brand is null)::int) from events", 0.14, 0.02),
    (
        "price 0",
        "select avg((price = 0)::int) from events where event_type <> 'purchase'",
        0.0027,
        0.0005,
    ),
    ("highest price", "select max(price) from events", 2574.07, 0),
    (
        "exact duplicates",
        "select 1 - (select count(*) from events) / count(*) from rows",
        0.002,
        0.001,
    ),
    (
        "exact duplicates in February 2020",
        "select 1 - (select count(*) from events where strftime(day, '%Y-%m') = '2020-02')"
        " / count(*) from rows where file = '2020-Feb'",
        0.0127,
        0.003,
    ),
    (
        "orders without a cart while its log is broken",
        "select avg((not has_cart)::int) from buying where is_broken",
        0.615,
        0.04,
    ),
    (
        "orders without a cart otherwise",
        "select avg((not has_cart)::int) from buying where not is_broken",
        0.010,
        0.005,
    ),
    (
        "products that keep their category id",
        "select avg((before.id = after.id)::int) from"
        " (select product_id, min(category_id) as id from events where day < '2019-12-01'"
        " group by 1) as before inner join"
        " (select product_id, min(category_id) as id from events where day >= '2019-12-01'"
        " group by 1) as after using (product_id)",
        0.197,
        0.025,
    ),
]


@pytest.mark.parametrize(
    ("query", "target", "tolerance"),
    [pytest.param(*case[1:], id=case[0]) for case in SHARES],
)
def test_figures_are_the_published_ones(
    warehouse: duckdb.DuckDBPyConnection, query: str, target: float, tolerance: float
) -> None:
    assert one(warehouse, query) == pytest.approx(target, abs=tolerance)


def test_sizes_suit_a_demo(demo: Demo) -> None:
    assert 3_200_000 * SCALE < sum(demo.summary.rows.values()) < 3_900_000 * SCALE


# -- the lies are there ----------------------------------------------------------------------

LIES = {
    "sessions of more than 500 events": ("select count(*) from sessions where events > 500", 2),
    "sessions that live for two months": (
        "select count(*) from sessions where ended - began > interval 60 day",
        1,
    ),
    "sessions that cross midnight": (
        "select count(*) from sessions where began::date <> ended::date and seconds < 20000",
        20,
    ),
    "events without a session": ("select count(*) from rows where user_session is null", 5),
    "orders of several units": ("select count(*) from orders where units > 1", 800),
    "orders of several products": ("select count(*) from orders where products > 1", 400),
    "two orders on one day": (
        "select count(*) from (select 1 from orders group by user_id, day having count(*) > 1)",
        100,
    ),
    "carts without an order": (
        "select count(*) from (from events where event_type = 'cart') as cart"
        " anti join orders on orders.user_session = cart.user_session",
        3_000,
    ),
    "machines that look thousands of times": (
        "select count(*) from (select user_id from events group by all having count(*) > 2000"
        " and not bool_or(event_type = 'purchase'))",
        3,
    ),
}


@pytest.mark.parametrize(("query", "least"), LIES.values(), ids=LIES.keys())
def test_raw_files_lie_as_the_real_ones_do(
    warehouse: duckdb.DuckDBPyConnection, query: str, least: int
) -> None:
    assert one(warehouse, query) >= least


def test_nobody_who_buys_is_a_machine(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert (
        one(
            warehouse,
            "select max(n) from (select count(*) as n from events group by user_id"
            " having bool_or(event_type = 'purchase'))",
        )
        < 2_000
    )


def test_purchases_have_a_price_and_a_session_lives_no_longer_than_the_real_ones(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    assert one(warehouse, "select min(price) from events where event_type = 'purchase'") > 0
    assert one(warehouse, "select max(seconds) / 86400 from sessions") < 71


@pytest.mark.parametrize(
    "day", ["2019-11-15", "2020-01-01", "2020-01-02", "2020-04-20", "2020-04-21"]
)
def test_on_days_without_sales_people_go_on_looking(
    warehouse: duckdb.DuckDBPyConnection, day: str
) -> None:
    looks, buys, usual = warehouse.execute(f"""
        select
            count(*) filter (day = '{day}'),
            count(*) filter (day = '{day}' and event_type = 'purchase'),
            count(*) filter (day between date '{day}' - 10 and date '{day}' + 10) / 21
        from events
    """).fetchone() or (0, 1, 0)
    assert buys == 0
    assert looks > 0.45 * usual


def test_every_other_day_has_sales(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert one(warehouse, "select count(distinct day) from orders") >= DAYS - 5 - 1


def test_most_of_27_february_2020_is_missing(warehouse: duckdb.DuckDBPyConnection) -> None:
    events, before, after = (
        one(warehouse, f"select count(*) from events where day = '2020-02-{day}'")
        for day in (27, 26, 28)
    )
    assert 0.01 < events / before < 0.2 and 0.01 < events / after < 0.2


def test_phones_become_construction_in_december(warehouse: duckdb.DuckDBPyConnection) -> None:
    phones = "select distinct product_id from events where category_code = 'electronics.smartphone'"
    assert (
        one(
            warehouse,
            f"select count(*) from events where product_id in ({phones}) and day >= '2019-12-01'"
            " and category_code <> 'construction.tools.light'",
        )
        == 0
    )
    assert one(warehouse, f"select max(day) from events where product_id in ({phones})") == date(
        2020, 4, 30
    )
    assert one(
        warehouse, "select max(day) from events where category_code = 'electronics.smartphone'"
    ) == date(2019, 11, 30)


def test_cart_log_is_broken_in_october_and_november_alone(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    share = dict(
        warehouse.execute(
            "select strftime(day, '%Y-%m'), avg((not has_cart)::int) from buying group by 1"
        ).fetchall()
    )
    broken = {month for month, without in share.items() if without > 0.3}
    assert broken == {"2019-10", "2019-11"}


# -- what people do looks like people --------------------------------------------------------


def test_evenings_are_busiest(warehouse: duckdb.DuckDBPyConnection) -> None:
    busiest, quietest = warehouse.execute("""
        with by_hour as (select hour(began) as hour, count(*) as n from sessions group by all)
        select max_by(hour, n), min_by(hour, n) from by_hour
    """).fetchone() or (0, 0)
    assert 14 <= busiest <= 18 and (quietest >= 22 or quietest <= 2)


def test_people_have_their_hour_their_brand_their_price_and_their_week(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    # Share of the variance between people, of what is chosen in each of their visits.
    hour, price = warehouse.execute("""
        with visits as (
            select user_id, user_session, any_value(hour(second)) as hour, avg(ln(price)) as price
            from events where price > 0 and user_id in (select user_id from orders) group by all
        ),
        people as (
            select avg(hour) as hour, avg(price) as price, count(*) as n
            from visits group by user_id having n >= 10
        )
        select
            var_samp(people.hour) / (select var_samp(hour) from visits),
            var_samp(people.price) / (select var_samp(price) from visits)
        from people
    """).fetchone() or (0.0, 0.0)
    # Ten and more visits of one and the same taste would leave less than a tenth.
    assert hour > 0.2 and price > 0.2
    same_brand = one(
        warehouse,
        """
        with visits as (
            select user_id, user_session, mode(category_id || brand) as brand
            from events where brand is not null group by all
        ),
        shares as (select user_id, brand, count(*) as n from visits group by all)
        select avg(most) from (
            select max(n) / sum(n) as most from shares group by user_id having sum(n) >= 10
        )
        """,
    )
    assert same_brand > 0.25
    weekend = one(
        warehouse,
        """
        with people as (
            select count(*) as n, avg((isodow(began) >= 6)::int) as share
            from sessions where user_id in (select user_id from orders) group by user_id
        )
        select var_samp(share) / avg(share * (1 - share) / n) from people where n >= 20
        """,
    )
    assert weekend > 1.5


# -- the files are the publisher's, and only those -------------------------------------------


def test_raw_folder_holds_a_file_a_month_and_the_marker(demo: Demo) -> None:
    names = {path.name for path in demo.raw.iterdir()}
    assert names == {*(f"{month}.csv" for month in MONTHS), "churn_demo.json"}
    assert names - {"churn_demo.json"} == demo.summary.rows.keys()
    for month in MONTHS:
        with (demo.raw / f"{month}.csv").open() as file:
            assert file.readline() == HEADER + "\n"
    assert json.loads((demo.raw / "churn_demo.json").read_text()) == {
        "demo": "ecommerce",
        "version": 2,
        "customers": round(SCALE * FULL),
        "seed": SEED,
    }


FORMATS = {
    "event_time": r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
    "event_type": "view|cart|purchase",
    "product_id": r"\d{7,8}",
    "category_id": r"\d{19}",
    "category_code": r"[a-z_]+(\.[a-z_]+)+",
    "brand": "[a-z-]+",
    "price": r"\d{1,4}\.\d\d",
    "user_id": r"5\d{8}",
    "user_session": "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
}


@pytest.mark.parametrize(("column", "pattern"), FORMATS.items())
def test_values_are_written_as_the_real_ones_are(
    warehouse: duckdb.DuckDBPyConnection, column: str, pattern: str
) -> None:
    assert (
        one(
            warehouse,
            f"select count(*) from rows where not regexp_full_match({column}, '{pattern}')",
        )
        == 0
    )


def test_rows_are_in_the_order_of_time_each_in_its_month(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    assert (
        one(
            warehouse,
            "select count(*) from (select event_time, lag(event_time) over"
            " (partition by file order by position) as before from rows) where event_time < before",
        )
        == 0
    )
    assert (
        one(
            warehouse,
            "select count(*) from rows where file <>"
            " strftime(strptime(event_time[:10], '%Y-%m-%d'), '%Y-%b')",
        )
        == 0
    )
    assert one(warehouse, "select count(distinct event_time[:10]) from rows") == DAYS


# -- it is the same every time, and spares what is not its own -------------------------------


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        generate_ecommerce(folder / "raw", folder / "truth.parquet", scale=SMALL, seed=7)
    for path in (folders[0] / "raw").iterdir():
        assert path.read_bytes() == (folders[1] / "raw" / path.name).read_bytes(), path.name
    assert (folders[0] / "truth.parquet").read_bytes() == (
        folders[1] / "truth.parquet"
    ).read_bytes()


def test_a_second_run_does_nothing_and_another_seed_or_scale_replaces(tmp_path: Path) -> None:
    raw, truth = tmp_path / "raw", tmp_path / "truth.parquet"
    first = generate_ecommerce(raw, truth, scale=SMALL, seed=7)
    assert first.is_new and first.rows["2020-Apr.csv"] > 0
    written = {path.name: path.stat().st_mtime_ns for path in raw.iterdir()}
    assert not generate_ecommerce(raw, truth, scale=SMALL, seed=7).is_new
    assert {path.name: path.stat().st_mtime_ns for path in raw.iterdir()} == written

    for other in ({"scale": SMALL, "seed": 8}, {"scale": SMALL * 1.1, "seed": 8}):
        before = (raw / "2020-Apr.csv").read_bytes()
        assert generate_ecommerce(raw, truth, **other).is_new
        assert (raw / "2020-Apr.csv").read_bytes() != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw", "truth.parquet"]


def test_a_truth_that_is_lost_or_of_an_older_shape_is_written_again(tmp_path: Path) -> None:
    raw, truth = tmp_path / "raw", tmp_path / "truth.parquet"
    generate_ecommerce(raw, truth, scale=SMALL, seed=7)
    before = truth.read_bytes()
    pq.write_table(pq.read_table(truth).drop_columns(["outcome"]), truth)
    assert generate_ecommerce(raw, truth, scale=SMALL, seed=7).is_new
    assert truth.read_bytes() == before
    truth.unlink()
    assert generate_ecommerce(raw, truth, scale=SMALL, seed=7).is_new
    assert truth.read_bytes() == before


def test_files_that_are_no_demo_are_left_alone(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "2019-Oct.csv").write_text("real\n")
    with pytest.raises(ChurnError, match="were not changed"):
        generate_ecommerce(raw, tmp_path / "truth.parquet", scale=SMALL)
    assert [path.name for path in tmp_path.rglob("*")] == ["raw", "2019-Oct.csv"]
    assert (raw / "2019-Oct.csv").read_text() == "real\n"
    with pytest.raises(ChurnError, match="truth must not be among"):
        generate_ecommerce(tmp_path / "new", tmp_path / "new" / "truth.parquet", scale=SMALL)


@pytest.mark.parametrize("scale", [0.0, -1.0, (LEAST - 1) / FULL, float("nan"), float("inf")])
def test_too_small_a_demo_is_refused_with_the_least_scale(tmp_path: Path, scale: float) -> None:
    with pytest.raises(ChurnError, match=r"too few customers") as refused:
        generate_ecommerce(tmp_path / "raw", tmp_path / "truth.parquet", scale=scale)
    assert refused.value.hint and "scale 0.025 or more" in refused.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_the_demo_that_was_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    raw, truth = tmp_path / "raw", tmp_path / "truth.parquet"
    generate_ecommerce(raw, truth, scale=SMALL, seed=7)
    before = {path.name: path.read_bytes() for path in raw.iterdir()}

    def fail(*_: object) -> None:
        raise RuntimeError("no space left")

    monkeypatch.setattr("pipeline.demo.ecommerce.generate.csv_files.write", fail)
    with pytest.raises(RuntimeError, match="no space"):
        generate_ecommerce(raw, truth, scale=SMALL, seed=8)
    assert {path.name: path.read_bytes() for path in raw.iterdir()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw", "truth.parquet"]


def test_every_domain_takes_a_scale(home, console) -> None:
    for domain, unit, size in (("kkbox", "members", 600), ("ecommerce", "customers", 780)):
        assert generate(domain, home, scale=0.03, seed=7, console=console)
        marker = json.loads((home.raw / domain / "churn_demo.json").read_text())
        assert marker["demo"] == domain and marker[unit] == size
        assert (home.demo_truth / f"{domain}.parquet").exists()
    assert not generate("no_such_domain", home, scale=0.03, seed=7, console=console)


@pytest.mark.slow
def test_ten_features_come_most_of_the_way_to_the_ceiling(tmp_path: Path) -> None:
    connection = opened(Demo(tmp_path, 1.0))
    table = connection.execute("""
        with days as (
            select user_id, began::date as day, count(*) as visits from sessions group by all
        ),
        browsing as (
            select
                customer_id, as_of_date,
                sum(visits) filter (day >= as_of_date - 7) as visits_7d,
                sum(visits) filter (day >= as_of_date - 30) as visits_30d,
                sum(visits) as visits_90d
            from cohorts inner join days
                on user_id = customer_id and day < as_of_date and day >= as_of_date - 90
            group by all
        ),
        buying as (
            select
                customer_id, as_of_date, as_of_date - min(day) as age,
                count(*) filter (day >= as_of_date - 90) as orders_90d,
                (max(day) - min(day)) / (count(*) - 1) as gap
            from cohorts inner join orders on user_id = customer_id and day < as_of_date
            group by customer_id, as_of_date
        )
        select
            as_of_date, p, churned, recency, ordered_on, age, gap, recency / gap as ratio,
            orders_90d, visits_7d, visits_30d, visits_90d, month(as_of_date) as month
        from cohorts inner join buying using (customer_id, as_of_date)
            left join browsing using (customer_id, as_of_date)
        order by as_of_date, customer_id
    """).df()
    test = table[table.as_of_date == str(LAST_CLOSED)]
    train = table[(table.as_of_date >= "2019-02-01") & (table.as_of_date <= "2020-03-01")]
    features = list(table.columns[3:])
    model = lightgbm.LGBMClassifier(
        n_estimators=250,
        learning_rate=0.03,
        num_leaves=15,
        min_child_samples=80,
        reg_lambda=5,
        colsample_bytree=0.7,
        random_state=1,
        n_jobs=2,
        verbose=-1,
    ).fit(train[features], train.churned)
    churned = test.churned.to_numpy(dtype=bool)
    guess = model.predict_proba(test[features])[:, 1]
    before = train.churned[train.as_of_date == "2020-03-01"].mean()
    known, rate = (
        log_loss(test.p.to_numpy(), churned),
        log_loss(np.full(len(test), before), churned),
    )
    assert known < log_loss(guess, churned)
    assert (rate - log_loss(guess, churned)) / (rate - known) > 0.85
