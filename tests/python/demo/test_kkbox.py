"""The KKBox demo: its labels are its draws, its figures the published ones, its lies all there."""

import base64
import csv
import json
from collections import defaultdict
from datetime import date, timedelta
from functools import cmp_to_key
from itertools import pairwise
from pathlib import Path

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest

from pipeline.demo.folder import DemoSummary
from pipeline.demo.kkbox import generate_kkbox
from pipeline.demo.kkbox.generate import KkboxSimulation, simulate
from pipeline.project.errors import ChurnError

SEED = 20170401
SMALL, FULL = 2_000, 20_000
COLUMNS = {
    "members_v3.csv": "msno,city,bd,gender,registered_via,registration_init_time",
    "transactions.csv": (
        "msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,"
        "is_auto_renew,transaction_date,membership_expire_date,is_cancel"
    ),
    "user_logs.csv": "msno,date,num_25,num_50,num_75,num_985,num_100,num_unq,total_secs",
    "train.csv": "msno,is_churn",
}
COLUMNS["transactions_v2.csv"] = COLUMNS["transactions.csv"]
COLUMNS["user_logs_v2.csv"] = COLUMNS["user_logs.csv"]
COLUMNS["train_v2.csv"] = COLUMNS["train.csv"]

Row = dict[str, str]
Truth = dict[date, dict[str, float]]
Outcomes = dict[date, dict[str, bool]]


def next_month(month: date) -> date:
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)


def month_starts(first: date, last: date) -> list[date]:
    months = [first]
    while months[-1] < last:
        months.append(next_month(months[-1]))
    return months


MONTHS = month_starts(date(2015, 2, 1), date(2017, 4, 1))
CLOSED = [month for month in MONTHS if month <= date(2017, 2, 1)]


def read_transactions(raw: Path) -> dict[str, list[Row]]:
    members: dict[str, list[Row]] = defaultdict(list)
    for name in ("transactions.csv", "transactions_v2.csv"):
        with (raw / name).open() as file:
            for row in csv.DictReader(file):
                members[row["msno"]].append(row)
    return members


def parse(day: str) -> date:
    return date(int(day[:4]), int(day[4:6]), int(day[6:]))


def in_the_organisers_order(rows: list[Row]) -> list[Row]:
    def compare(one: Row, two: Row) -> int:
        def key(row: Row) -> str:
            return row["plan_list_price"] + row["payment_plan_days"] + row["payment_method_id"]

        if one["transaction_date"] != two["transaction_date"]:
            return -1 if one["transaction_date"] < two["transaction_date"] else 1
        if key(one) != key(two):
            return -1 if key(one) > key(two) else 1
        if one["is_cancel"] != two["is_cancel"]:
            return -1 if one["is_cancel"] < two["is_cancel"] else 1
        first, second = one["membership_expire_date"], two["membership_expire_date"]
        ascending = (first > second) - (first < second)
        return ascending if one["is_cancel"] == "0" else -ascending

    return sorted(rows, key=cmp_to_key(compare))


def label(rows: list[Row], month: date) -> tuple[date, bool] | None:
    """The organisers' words, row by row: expiry at the cut-off and whether the member lapsed."""
    before = [row for row in rows if parse(row["transaction_date"]) < month]
    if not before:
        return None
    expiry = known = parse(before[-1]["membership_expire_date"])
    if not month <= expiry < next_month(month):
        return None
    for row in rows[len(before) :]:
        if row["is_cancel"] == "1":
            expiry = min(expiry, parse(row["membership_expire_date"]))
        else:
            return known, (parse(row["transaction_date"]) - expiry).days >= 30
    return known, True


class Demo:
    """A generated demo, with what was drawn for it."""

    def __init__(self, folder: Path, members: int) -> None:
        self.raw = folder / "raw" / "kkbox"
        self.truth_path = folder / "truth" / "kkbox.parquet"
        self.summary: DemoSummary = generate_kkbox(
            self.raw, self.truth_path, scale=members / FULL, seed=SEED
        )
        self.drawn: KkboxSimulation = simulate(members, SEED)

    @property
    def truth(self) -> Truth:
        found: Truth = defaultdict(dict)
        table = pq.read_table(self.truth_path).to_pydict()
        for row in zip(*table.values(), strict=True):
            found[row[1]][row[0]] = row[2]
        return found

    @property
    def outcomes(self) -> Outcomes:
        ids = [msno.decode() for msno in self.drawn.people.msno]
        return {
            date(1970, 1, 1) + timedelta(days=cohort.starts_on): {
                ids[member]: bool(lapsed)
                for member, lapsed in zip(cohort.member, cohort.lapsed, strict=True)
            }
            for cohort in self.drawn.cohorts
        }


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return Demo(tmp_path_factory.mktemp("small"), SMALL)


@pytest.fixture(scope="module")
def labels(small: Demo) -> dict[date, dict[str, tuple[date, bool]]]:
    found: dict[date, dict[str, tuple[date, bool]]] = defaultdict(dict)
    for msno, rows in read_transactions(small.raw).items():
        ordered = in_the_organisers_order(rows)
        for month in MONTHS:
            if decided := label(ordered, month):
                found[month][msno] = decided
    return found


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Demo:
    return Demo(tmp_path_factory.mktemp("full"), FULL)


@pytest.fixture(scope="module")
def warehouse(full: Demo) -> duckdb.DuckDBPyConnection:
    """The 20,000 members' files, and each decision with its state, truth and renewal gap."""
    raw = full.raw
    connection = duckdb.connect()
    for statement in f"""
        create table v1 as select * from read_csv('{raw}/transactions.csv');
        create table tx as
            from v1 union all from read_csv('{raw}/transactions_v2.csv');
        create table logs as from read_csv('{raw}/user_logs*.csv');
        create table members as from read_csv('{raw}/members_v3.csv');
        create table train as from read_csv('{raw}/train.csv');
        create table train_v2 as from read_csv('{raw}/train_v2.csv');
        create table truth as from '{full.truth_path}';
        create table ordered as
            select
                *,
                strptime(transaction_date::varchar, '%Y%m%d')::date as on_day,
                strptime(membership_expire_date::varchar, '%Y%m%d')::date as expires,
                row_number() over (
                    partition by msno
                    order by
                        transaction_date,
                        plan_list_price::varchar || payment_plan_days || payment_method_id desc,
                        is_cancel,
                        if(is_cancel = 0, 1, -1) * membership_expire_date
                ) as position
            from tx;
        create table decisions as
            select t.as_of_date, t.churn_probability as p, state.*
            from (
                select customer_id, as_of_date, churn_probability, max_by(o, position) as state
                from truth inner join ordered as o
                    on o.msno = customer_id and o.on_day < as_of_date
                group by all
            ) as t;
        create table gaps as
            select d.msno, d.as_of_date, min(o.on_day) - any_value(d.expires) as gap
            from decisions as d left join ordered as o
                on o.msno = d.msno and o.is_cancel = 0 and o.on_day >= d.as_of_date
            where d.as_of_date <= date '2017-02-01'
            group by all;
        create table active as
            select d.msno, d.as_of_date, count(distinct l.date) as days
            from decisions as d left join logs as l
                on l.msno = d.msno
                and l.date < strftime(d.as_of_date, '%Y%m%d')::int
                and l.date >= strftime(d.as_of_date - 28, '%Y%m%d')::int
            where d.as_of_date in ('2016-06-01', '2016-09-01', '2017-02-01')
            group by all;
    """.split(";"):
        if statement.strip():
            connection.execute(statement)
    return connection


# -- the ceiling is known --------------------------------------------------------------------


def test_labels_by_the_organisers_rule_are_the_draws(
    small: Demo, labels: dict[date, dict[str, tuple[date, bool]]]
) -> None:
    for month in CLOSED:
        derived = {msno: lapsed for msno, (_, lapsed) in labels[month].items()}
        assert derived == small.outcomes[month], month


def test_truth_covers_exactly_the_cohorts_the_files_show(
    small: Demo, labels: dict[date, dict[str, tuple[date, bool]]]
) -> None:
    truth = small.truth
    assert sorted(truth) == MONTHS
    for month in MONTHS:
        assert truth[month].keys() == labels[month].keys(), month


def test_outcomes_come_with_the_stated_probability(full: Demo) -> None:
    surprises, variance = 0.0, 0.0
    for cohort in full.drawn.cohorts:
        spread = float((cohort.probability * (1 - cohort.probability)).sum())
        surprise = float(cohort.lapsed.sum() - cohort.probability.sum())
        assert abs(surprise) < 4 * spread**0.5, cohort.starts_on
        surprises, variance = surprises + surprise, variance + spread
    assert abs(surprises) < 3 * variance**0.5
    # Not only on average: within bands of the probability too.
    p = np.concatenate([cohort.probability for cohort in full.drawn.cohorts])
    lapsed = np.concatenate([cohort.lapsed for cohort in full.drawn.cohorts])
    for low, high in pairwise((0.0, 0.005, 0.02, 0.1, 0.3, 0.6, 1.0)):
        band = (p >= low) & (p < high)
        spread = (p[band] * (1 - p[band])).sum()
        assert abs(lapsed[band].sum() - p[band].sum()) < 4 * spread**0.5, (low, high)


def test_truth_file_holds_the_probabilities_of_the_draws(small: Demo) -> None:
    truth = small.truth
    ids = [msno.decode() for msno in small.drawn.people.msno]
    for cohort in small.drawn.cohorts:
        stated = truth[date(1970, 1, 1) + timedelta(days=cohort.starts_on)]
        assert stated == {
            ids[member]: p for member, p in zip(cohort.member, cohort.probability, strict=True)
        }
        assert cohort.probability.min() > 0 and cohort.probability.max() < 1


def test_february_labels_follow_the_kaggle_rule_but_for_a_few(
    small: Demo, labels: dict[date, dict[str, tuple[date, bool]]]
) -> None:
    paid: dict[str, list[date]] = defaultdict(list)
    for msno, rows in read_transactions(small.raw).items():
        for row in rows:
            if row["is_cancel"] == "0" and int(row["actual_amount_paid"]) > 0:
                paid[msno].append(parse(row["transaction_date"]))

    def stays(msno: str, expiry: date) -> bool:
        return any(expiry <= on <= expiry + timedelta(days=30) for on in paid[msno])

    with (small.raw / "train.csv").open() as file:
        february = {row["msno"]: row["is_churn"] == "1" for row in csv.DictReader(file)}
    cohort = labels[date(2017, 2, 1)]
    assert february.keys() == cohort.keys()
    differs = [m for m, churn in february.items() if churn == stays(m, cohort[m][0])]
    assert len(differs) <= 0.004 * len(february)

    # March ends in April, which is not in the files: who paid by then is no churner there.
    with (small.raw / "train_v2.csv").open() as file:
        march = {row["msno"]: row["is_churn"] == "1" for row in csv.DictReader(file)}
    cohort = labels[date(2017, 3, 1)]
    assert march.keys() == cohort.keys()
    paid_already = [m for m in march if stays(m, cohort[m][0])]
    assert sum(march[m] for m in paid_already) <= 0.004 * len(paid_already)
    assert 0 < sum(march.values()) < len(march) - len(paid_already)


# -- the figures are the published ones ------------------------------------------------------

FEBRUARY = "from decisions where as_of_date = date '2017-02-01'"
SHARES = [
    # what, one number, target (FACTS), how far it may be off
    ("30-day plans", "select avg((payment_plan_days = 30)::int) from v1", 0.880, 0.03),
    ("longer plans", "select avg((payment_plan_days > 30)::int) from v1", 0.051, 0.02),
    ("plans of 0 days", "select avg((payment_plan_days = 0)::int) from v1", 0.040, 0.01),
    (
        "shorter plans",
        "select avg((payment_plan_days between 1 and 29)::int) from v1",
        0.029,
        0.008,
    ),
    (
        "auto-renew of 30-day plans",
        "select avg(is_auto_renew) from v1 where payment_plan_days = 30",
        0.885,
        0.04,
    ),
    (
        "plans of 0 days that are paid",
        "select avg((actual_amount_paid > 0)::int) from v1 where payment_plan_days = 0",
        0.985,
        0.015,
    ),
    ("method 41", "select avg((payment_method_id = 41)::int) from v1", 0.532, 0.05),
    ("method 40", "select avg((payment_method_id = 40)::int) from v1", 0.100, 0.025),
    ("method 38", "select avg((payment_method_id = 38)::int) from v1", 0.079, 0.03),
    ("method 39", "select avg((payment_method_id = 39)::int) from v1", 0.070, 0.015),
    ("method 37", "select avg((payment_method_id = 37)::int) from v1", 0.046, 0.012),
    ("zero paid", "select avg((actual_amount_paid = 0)::int) from v1", 0.057, 0.015),
    (
        "list price 0 of zero paid",
        "select avg((plan_list_price = 0)::int) from v1 where actual_amount_paid = 0",
        0.54,
        0.10,
    ),
    (
        "expiry before transaction",
        "select avg((membership_expire_date < transaction_date)::int) from v1",
        0.0070,
        0.002,
    ),
    (
        "cancels of those",
        "select avg(is_cancel) from v1 where membership_expire_date < transaction_date",
        0.96,
        0.03,
    ),
    ("churn, February", f"select avg(p) {FEBRUARY}", 0.065, 0.006),
    (
        "churn, March",
        "select avg(p) from decisions where as_of_date = date '2017-03-01'",
        0.090,
        0.007,
    ),
    (
        "churn, auto-renew on",
        f"select avg(p) {FEBRUARY} and is_auto_renew = 1 and is_cancel = 0",
        0.0060,
        0.002,
    ),
    ("churn, auto-renew off", f"select avg(p) {FEBRUARY} and is_auto_renew = 0", 0.323, 0.05),
    ("churn, cancelled", f"select avg(p) {FEBRUARY} and is_cancel = 1", 0.857, 0.05),
    (
        "churn, 90 days",
        "select avg(p) from decisions where payment_plan_days = 90",
        0.79,
        0.12,
    ),
    (
        "churn, 180 days",
        "select avg(p) from decisions where payment_plan_days = 180",
        0.93,
        0.05,
    ),
    ("early", "select avg((gap < 0)::int) from gaps", 0.237, 0.03),
    ("same day", "select avg(coalesce(gap = 0, false)::int) from gaps", 0.487, 0.05),
    ("1-7 days", "select avg(coalesce(gap between 1 and 7, false)::int) from gaps", 0.162, 0.03),
    ("8-29 days", "select avg(coalesce(gap between 8 and 29, false)::int) from gaps", 0.02, 0.01),
    ("30 days and more", "select avg(coalesce(gap >= 30, false)::int) from gaps", 0.033, 0.012),
    ("active days a month of members", "", 16.7, 0.7),
    (
        "silent for four weeks",
        "select avg((days = 0)::int) from active",
        0.22,
        0.04,
    ),
    ("seconds a day", "select median(total_secs) from logs", 4_583, 200),
    ("long days", "select quantile_cont(total_secs, 0.99) from logs", 43_806, 3_000),
    (
        "February members without logs",
        "select avg((msno not in (select msno from logs))::int) from train",
        0.12,
        0.015,
    ),
    (
        "February members without a profile",
        "select avg((msno not in (select msno from members))::int) from train",
        0.115,
        0.015,
    ),
    ("no gender", "select avg((gender is null)::int) from members", 0.65, 0.02),
    ("no age", "select avg((bd = 0)::int) from members", 0.67, 0.02),
    ("city 1", "select avg((city = 1)::int) from members", 0.5, 0.04),
    ("ids with a slash", "select avg(contains(msno, '/')::int) from members", 0.49, 0.03),
]
ACTIVE_A_MONTH = """
    select avg(days) from (
        select l.msno, l.date // 100 as month, count(distinct l.date) as days
        from logs as l inner join decisions as d
            on d.msno = l.msno and strftime(d.as_of_date, '%Y%m')::int = l.date // 100
        group by all
    )
"""


@pytest.mark.parametrize(
    ("query", "target", "tolerance"),
    [pytest.param(*case[1:], id=case[0]) for case in SHARES],
)
def test_figures_are_the_published_ones(
    warehouse: duckdb.DuckDBPyConnection, query: str, target: float, tolerance: float
) -> None:
    (found,) = warehouse.execute(query or ACTIVE_A_MONTH).fetchone() or (None,)
    assert found == pytest.approx(target, abs=tolerance)


def test_nobody_is_cancelled_with_auto_renew_off(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert warehouse.execute(
        "select count(*) from tx where is_cancel = 1 and is_auto_renew = 0"
    ).fetchone() == (0,)


def test_leading_prices_are_the_real_ones(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute(
        "select plan_list_price from v1 where plan_list_price in (149, 99, 129, 180, 100)"
        " group by 1 order by count(*) desc"
    ).fetchall()
    assert [price for (price,) in rows] == [149, 99, 129, 180, 100]


def test_churn_falls_with_listening_steeply_for_those_who_pay_by_hand(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    rows = warehouse.execute("""
        select
            case when days = 0 then 0 else 1 + (days - 1) // 7 end as band,
            avg(p) filter (is_auto_renew = 1) as by_itself,
            avg(p) filter (is_auto_renew = 0) as by_hand
        from active inner join decisions using (msno, as_of_date)
        group by 1 order by 1
    """).fetchall()
    published = [(0.042, 0.79), (0.027, 0.42), (0.017, 0.28), (0.013, 0.19), (0.010, 0.10)]
    assert len(rows) == len(published)
    for (band, by_itself, by_hand), (auto, manual) in zip(rows, published, strict=True):
        assert by_itself == pytest.approx(auto, abs=0.015), band
        assert by_hand == pytest.approx(manual, abs=0.08), band


def test_monthly_churn_stays_in_the_published_range(warehouse: duckdb.DuckDBPyConnection) -> None:
    rows = warehouse.execute("select avg(p) from decisions group by as_of_date").fetchall()
    rates = [rate for (rate,) in rows]
    assert min(rates) > 0.043 and 0.13 < max(rates) < 0.185


def test_sizes_suit_a_demo(full: Demo) -> None:
    rows = full.summary.rows
    assert rows["train.csv"] >= 9_000
    assert 3_300_000 < rows["user_logs.csv"] + rows["user_logs_v2.csv"] < 5_500_000


# -- the lies are there ----------------------------------------------------------------------

LIES = {
    "exact duplicate transactions": (
        "select (select count(*) from tx) - (select count(*) from (select distinct * from tx))",
        10,
    ),
    "two log rows on one day": (
        "select count(*) - count(distinct msno || date) from logs",
        1_000,
    ),
    "same-day transactions of one member": (
        "select count(distinct msno || transaction_date) filter (n > 1) from"
        " (select *, count(*) over (partition by msno, transaction_date) as n from tx)",
        300,
    ),
    "same day, other price": (
        "select count(*) from tx inner join tx as two using (msno, transaction_date)"
        " where tx.plan_list_price = 149 and two.plan_list_price = 180",
        20,
    ),
    "same day, subscribed and cancelled": (
        "select count(*) from tx inner join tx as two using (msno, transaction_date)"
        " where tx.is_cancel = 0 and two.is_cancel = 1",
        50,
    ),
    "expiry before 2015": ("select count(*) from tx where membership_expire_date < 20150101", 40),
    "expiry 1970-01-01": ("select count(*) from tx where membership_expire_date = 19700101", 3),
    "no cancel, expired already": (
        "select count(*) from tx where is_cancel = 0 and membership_expire_date < transaction_date",
        20,
    ),
    "seven-day trials for nothing": (
        "select count(*) from tx where payment_plan_days = 7 and actual_amount_paid = 0",
        2_000,
    ),
    "paid nothing for a listed price": (
        "select count(*) from tx where actual_amount_paid = 0 and plan_list_price = 149",
        1_000,
    ),
    "seconds below zero": ("select count(*) from logs where total_secs < 0", 200),
    "seconds like an overflow": ("select count(*) from logs where total_secs < -9.2e15", 1),
    "more than a day in a day": ("select count(*) from logs where total_secs > 86400", 500),
    "born in -7168": ("select count(*) from members where bd = -7168", 1),
    "born in 2016": ("select count(*) from members where bd = 2016", 1),
    "profiles without transactions": (
        "select count(*) from members where msno not in (select msno from tx)",
        500,
    ),
    "registered after the first transaction": (
        "select count(*) from members inner join (select msno, min(transaction_date) as first"
        " from tx group by 1) using (msno) where registration_init_time > first",
        30,
    ),
    "methods 31, 33, 34 back on 30 June 2015": (
        "select count(*) from tx where payment_method_id in (31, 33, 34)"
        " and transaction_date = 20150630",
        200,
    ),
    "method 39 back on 31 July 2016": (
        "select count(*) from tx where payment_method_id = 39 and transaction_date = 20160731",
        200,
    ),
}


@pytest.mark.parametrize(("query", "least"), LIES.values(), ids=LIES.keys())
def test_raw_files_lie_as_the_real_ones_do(
    warehouse: duckdb.DuckDBPyConnection, query: str, least: int
) -> None:
    (found,) = warehouse.execute(query).fetchone() or (0,)
    assert found >= least


def test_billing_outages_take_no_money(warehouse: duckdb.DuckDBPyConnection) -> None:
    (bank, carriers) = warehouse.execute("""
        select
            count(*) filter (
                payment_method_id = 39 and transaction_date between 20160301 and 20160730
            ),
            count(*) filter (
                payment_method_id in (31, 33, 34) and transaction_date between 20150401 and 20150629
            )
        from tx where is_cancel = 0
    """).fetchone() or (None, None)
    assert (bank, carriers) == (0, 0)


def test_zero_list_prices_come_in_the_burst_of_2015(warehouse: duckdb.DuckDBPyConnection) -> None:
    assert warehouse.execute("""
        select count(*) from tx
        where payment_plan_days = 0
            and (plan_list_price > 0 or transaction_date not between 20150301 and 20151101)
            and is_cancel = 0
    """).fetchone() == (0,)


def test_a_missing_profile_tells_the_future(warehouse: duckdb.DuckDBPyConnection) -> None:
    without, with_profile = warehouse.execute("""
        select
            avg(is_churn) filter (members.msno is null),
            avg(is_churn) filter (members.msno is not null)
        from (from train union all from train_v2) as t left join members using (msno)
    """).fetchone() or (1.0, 1.0)
    assert 0.3 < without / with_profile < 0.8


# -- the files are Kaggle's, and only those --------------------------------------------------


def test_raw_folder_shows_nothing_of_the_truth(small: Demo) -> None:
    names = {path.name for path in small.raw.iterdir()}
    assert names == {*COLUMNS, "churn_demo.json"}
    for name, columns in COLUMNS.items():
        with (small.raw / name).open() as file:
            assert file.readline() == columns + "\n", name
    marker = json.loads((small.raw / "churn_demo.json").read_text())
    assert marker.keys() == {"demo", "version", "members", "seed"}
    assert [field.name for field in pq.read_schema(small.truth_path)] == [
        "customer_id",
        "as_of_date",
        "churn_probability",
        "outcome",
    ]
    assert pq.read_table(small.truth_path)["outcome"].unique().to_pylist() == ["lapse"]


def test_the_two_files_are_two_halves_that_end_in_march(small: Demo) -> None:
    connection = duckdb.connect()
    first = f"read_csv('{small.raw}/transactions.csv')"
    second = f"read_csv('{small.raw}/transactions_v2.csv')"
    assert connection.execute(
        f"select max(membership_expire_date) <= 20170331, max(transaction_date) < 20170301,"
        f" min(transaction_date) >= 20150101 from {first}"
    ).fetchone() == (True, True, True)
    assert connection.execute(
        f"select max(transaction_date), min(transaction_date) < 20170301, count(*)"
        f" filter (transaction_date < 20170301 and membership_expire_date <= 20170331)"
        f" from {second}"
    ).fetchone() == (20170331, True, 0)
    for name, least, most in (
        ("user_logs", 20150101, 20170228),
        ("user_logs_v2", 20170301, 20170331),
    ):
        assert connection.execute(
            f"select min(date), max(date) from read_csv('{small.raw}/{name}.csv')"
        ).fetchone() == (least, most)


def test_ids_look_like_the_real_ones(small: Demo) -> None:
    ids = [msno.decode() for msno in small.drawn.people.msno]
    assert len(set(ids)) == SMALL
    assert all(len(msno) == 44 and len(base64.b64decode(msno)) == 32 for msno in ids)
    assert any(msno.startswith("+") for msno in ids)


def test_same_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        generate_kkbox(folder / "raw", folder / "truth.parquet", scale=0.03, seed=7)
    for path in (folders[0] / "raw").iterdir():
        assert path.read_bytes() == (folders[1] / "raw" / path.name).read_bytes(), path.name
    assert (folders[0] / "truth.parquet").read_bytes() == (
        folders[1] / "truth.parquet"
    ).read_bytes()


def test_a_second_run_does_nothing_and_another_seed_replaces(tmp_path: Path) -> None:
    raw, truth = tmp_path / "raw", tmp_path / "truth.parquet"
    first = generate_kkbox(raw, truth, scale=0.03, seed=7)
    assert first.is_new and first.rows["train.csv"] > 0
    written = {path.name: path.stat().st_mtime_ns for path in raw.iterdir()}
    assert not generate_kkbox(raw, truth, scale=0.03, seed=7).is_new
    assert {path.name: path.stat().st_mtime_ns for path in raw.iterdir()} == written

    before = (raw / "train.csv").read_bytes()
    assert generate_kkbox(raw, truth, scale=0.03, seed=8).is_new
    assert (raw / "train.csv").read_bytes() != before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw", "truth.parquet"]


def test_files_that_are_no_demo_are_left_alone(tmp_path: Path) -> None:
    raw = tmp_path / "raw"
    raw.mkdir()
    (raw / "transactions.csv").write_text("real\n")
    with pytest.raises(ChurnError, match="left alone"):
        generate_kkbox(raw, tmp_path / "truth.parquet", scale=0.03)
    assert (raw / "transactions.csv").read_text() == "real\n"
    with pytest.raises(ChurnError, match="truth must not lie"):
        generate_kkbox(tmp_path / "new", tmp_path / "new" / "truth.parquet", scale=0.03)
