"""What an experiment shows: intervals as published, and no effect where none can be told."""

import json

import duckdb
import numpy as np
import pytest
from made_experiments import hillstrom_files, write_counts, write_csv
from scipy import stats

from pipeline.experiments.lift import experiments_sql, lifts_sql
from pipeline.experiments.measure import measure_experiment
from pipeline.project.errors import ChurnError


def measured(assignments, outcomes, **options):
    return measure_experiment(assignments, outcomes, "control", **options)


# Newcombe (1998), Statistics in Medicine 17, 873-890, table II, method 10
@pytest.mark.parametrize(
    ("arm", "control", "low", "high"),
    [
        ((70, 56), (80, 48), 0.0524, 0.3339),
        ((10, 9), (10, 3), 0.1705, 0.8090),
        ((7, 6), (7, 2), 0.0582, 0.8062),
        ((56, 5), (29, 0), -0.0381, 0.1926),
        ((10, 0), (20, 0), -0.1611, 0.2775),
        ((10, 0), (10, 0), -0.2775, 0.2775),
        ((10, 10), (20, 0), 0.6791, 1.0),
        ((10, 10), (10, 0), 0.6075, 1.0),
    ],
)
def test_an_interval_of_shares_is_the_published_one(tmp_path, arm, control, low, high):
    files = write_counts(tmp_path, {("mail", ""): arm, ("control", ""): control})
    shares = {"mail": arm[0], "control": control[0]}
    (lift,) = measured(*files, shares=shares).lifts
    assert (lift.n_arm, lift.n_control) == (arm[0], control[0])
    assert lift.effect == pytest.approx(arm[1] / arm[0] - control[1] / control[0])
    assert (lift.ci_low, lift.ci_high) == (
        pytest.approx(low, abs=5e-5),
        pytest.approx(high, abs=5e-5),
    )


def test_an_interval_of_revenue_is_welchs(tmp_path):
    rng = np.random.default_rng(5)
    spent = {"mail": rng.gamma(0.3, 40, 60).round(2), "control": rng.gamma(0.3, 20, 25).round(2)}
    rows = [
        (f"{arm}{i}", arm, value) for arm, each in spent.items() for i, value in enumerate(each)
    ]
    assigned = write_csv(
        tmp_path / "a.csv", ("customer_id", "arm"), [(one, arm) for one, arm, _ in rows]
    )
    # in two rows a customer, the first without the outcome
    halves = [(one, 0, "") for one, *_ in rows] + [(one, 1, value) for one, _, value in rows]
    had = write_csv(tmp_path / "o.csv.gz", ("customer_id", "outcome", "revenue"), halves)
    lift = measured(assigned, had, shares={"mail": 60, "control": 25}).lifts[1]
    expected = stats.ttest_ind(spent["mail"], spent["control"], equal_var=False)
    interval = expected.confidence_interval(0.95)
    assert lift.outcome == "revenue"
    assert lift.effect == pytest.approx(spent["mail"].mean() - spent["control"].mean())
    assert (lift.ci_low, lift.ci_high) == pytest.approx((interval.low, interval.high), rel=1e-4)


def simulated_totals(strata, effect, repeats, size=400, seed=7):
    """Counts of many experiments, arms of different sizes and rates in each stratum."""
    rng = np.random.default_rng(seed)
    rates = np.linspace(0.05, 0.6, strata)
    rows = []
    for arm, more, share in (("mail", effect, 0.7), ("control", 0, 0.3)):
        for stratum, rate in enumerate(rates):
            customers = int(size * share / strata * (1 + stratum % 3))
            converted = rng.binomial(customers, rate + more, repeats)
            rows += [
                (number, str(stratum), arm, customers, int(count), 0, 0)
                for number, count in enumerate(converted)
            ]
    return rows


@pytest.mark.parametrize("strata", [1, 4])
def test_the_interval_of_strata_covers_the_true_effect(strata):
    effect = 0.1
    with duckdb.connect() as connection:
        connection.execute(
            "create table totals (experiment integer, stratum varchar, arm varchar, "
            "customers bigint, converted bigint, revenue_units bigint, revenue_squares bigint)"
        )
        rows = simulated_totals(strata, effect, 2000)
        columns = [list(column) for column in zip(*rows, strict=True)]
        connection.execute(
            "insert into totals select " + ", ".join(f"unnest(${i + 1})" for i in range(7)), columns
        )
        settings = experiments_sql("control", expected=None, has_revenue=False)
        lifts = connection.execute(
            "select effect, ci_low <= ? and ci_high >= ? as covered from ("
            + lifts_sql("totals", f"(select distinct experiment, {settings} from totals)")
            + ")",
            [effect, effect],
        ).fetchnumpy()
    assert len(lifts["effect"]) == 2000
    assert lifts["effect"].mean() == pytest.approx(effect, abs=0.005)
    assert 0.94 <= lifts["covered"].mean() <= 0.965


def test_strata_of_other_rates_and_shares_do_not_bias_the_effect(tmp_path):
    # the arm is larger where the outcome is rare: pooled, it would seem to lower the outcome
    files = write_counts(
        tmp_path,
        {
            ("mail", "rare"): (800, 88),
            ("control", "rare"): (200, 20),
            ("mail", "common"): (200, 102),
            ("control", "common"): (800, 400),
        },
    )
    with duckdb.connect() as connection:
        from pipeline.experiments.files import read_assignments, read_outcomes
        from pipeline.experiments.lift import measure_lifts, totals_sql

        read_assignments(connection, files[0], "control")
        read_outcomes(connection, files[1], files[0])
        connection.execute(f"create table totals as {totals_sql('assignments', 'outcomes')}")
        (lift,) = measure_lifts(connection, "totals", "control")
    assert lift.effect == pytest.approx(0.01)
    assert lift.method == "stratified Newcombe (Yan and Su 2010)"


def test_the_running_interval_is_wider_and_named(tmp_path):
    files = write_counts(tmp_path, {("mail", ""): (1000, 150), ("control", ""): (1000, 100)})
    (once,) = measured(*files).lifts
    (at_end,) = measured(*files, expected=250).lifts
    (early,) = measured(*files, expected=25_000).lifts
    widths = [one.ci_high - one.ci_low for one in (once, at_end, early)]
    assert 1.5 < widths[1] / widths[0] < 1.6
    assert widths[2] > 1.5 * widths[1]
    assert "running" in at_end.method


def test_arms_of_wrong_sizes_have_no_effect(tmp_path):
    files = write_counts(tmp_path, {("mail", ""): (10_400, 900), ("control", ""): (9_600, 700)})
    found = measured(*files)
    assert [(one.effect, one.ci_low, one.ci_high) for one in found.lifts] == [(None, None, None)]
    assert "cannot be told" in found.lifts[0].method
    assert measured(*files, shares={"mail": 0.52, "control": 0.48}).doubts == []


def test_sizes_that_fit_together_and_not_in_a_stratum_have_no_effect(tmp_path):
    files = write_counts(
        tmp_path,
        {
            ("mail", "a"): (1100, 90),
            ("control", "a"): (900, 80),
            ("mail", "b"): (900, 90),
            ("control", "b"): (1100, 80),
        },
    )
    found = measured(*files)
    assert found.ratio[0].fits
    assert [one.fits for one in found.ratio[1:]] == [False, False]
    assert found.lifts[0].effect is None


def test_a_ratio_of_52_to_50_is_caught_and_a_fair_one_is_not():
    from pipeline.experiments.ratio import check_ratio

    rng = np.random.default_rng(3)
    refused = {0.5: 0, 0.52: 0}
    with duckdb.connect() as connection:
        for share, draws in ((0.52, 100), (0.5, 300)):
            for _ in range(draws):
                mail = int(rng.binomial(20_000, share))
                connection.execute(
                    "create or replace table totals as select '' as stratum, "
                    f"unnest(['mail', 'control']) as arm, unnest([{mail}, {20_000 - mail}]) "
                    "as customers"
                )
                refused[share] += not check_ratio(connection, "totals", None)[0].fits
    assert refused[0.52] >= 98
    assert refused[0.5] <= 2


def test_arms_that_differed_before_have_no_effect(tmp_path):
    files = write_counts(tmp_path, {("mail", ""): (2000, 150), ("control", ""): (2000, 100)})
    rng = np.random.default_rng(1)
    ids = [f"{arm}--{number}" for arm in ("mail", "control") for number in range(2000)]
    orders = rng.poisson(3, 4000)
    fair = write_csv(tmp_path / "f.csv", ("customer_id", "orders"), zip(ids, orders, strict=True))
    assert measured(*files, before=fair).doubts == []
    orders[:2000] += rng.random(2000) < 0.3
    unfair = write_csv(tmp_path / "u.csv", ("customer_id", "orders"), zip(ids, orders, strict=True))
    found = measured(*files, before=unfair)
    assert found.lifts[0].effect is None
    assert "orders of mail" in found.doubts[0]


ASSIGNED = (("a", "mail"), ("b", "control"), ("c", "mail"), ("d", "control"))
HAD = (("a", "1"), ("b", "0"))


@pytest.mark.parametrize(
    ("assigned", "had", "said"),
    [
        (
            (*ASSIGNED, ("a", "control")),
            HAD,
            ["1 customer is assigned more than once", "a: control"],
        ),
        ((*ASSIGNED, ("", "mail")), HAD, ["row 6: customer_id is empty"]),
        ((*ASSIGNED, ("e", " ")), HAD, ["row 6: arm is empty"]),
        (ASSIGNED[::2], HAD[:1], ["Nobody is in the control arm 'control'", "mail"]),
        (ASSIGNED[1::2], HAD[1:], ["Everybody is in 'control'"]),
        ((), HAD, ["The file has no rows"]),
        (ASSIGNED, (), ["The file has no rows"]),
        (
            ASSIGNED,
            (("a", "2"), ("b", "yes")),
            ["2 wrong values", "row 2: outcome is '2'", "'yes'"],
        ),
        (ASSIGNED, (("a", ""),), ["row 2: outcome is empty"]),
        (ASSIGNED, (*HAD, ("z", "1")), ["1 customer is without an assignment", "row 4: z"]),
    ],
)
def test_wrong_rows_are_named(tmp_path, assigned, had, said):
    first = write_csv(tmp_path / "a.csv", ("customer_id", "arm"), assigned)
    second = write_csv(tmp_path / "o.csv", ("customer_id", "outcome"), had)
    with pytest.raises(ChurnError) as error:
        measured(first, second)
    for words in said:
        assert words in str(error.value)
    assert error.value.hint


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("revenue", "1,5", "revenue is '1,5'"),
        ("revenue", "nan", "revenue is 'nan'"),
        ("occurred_on", "31.12.2020", "occurred_on is '31.12.2020'"),
    ],
)
def test_wrong_optional_values_are_named(tmp_path, column, value, said):
    first = write_csv(tmp_path / "a.csv", ("customer_id", "arm"), ASSIGNED)
    second = write_csv(
        tmp_path / "o.csv", ("customer_id", "outcome", column), [("a", 1, ""), ("b", 1, value)]
    )
    with pytest.raises(ChurnError, match="row 3: ") as error:
        measured(first, second)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("c900,mail,x", "Line: 402"),
        ("c900", "Line: 402"),
        ('"c900,mail', "Line: 402"),
    ],
)
def test_a_row_of_another_shape_is_named_with_its_line(tmp_path, line, said):
    rows = "".join(f"c{i},{'mail' if i % 2 else 'control'}\n" for i in range(400))
    (tmp_path / "a.csv").write_text(f"customer_id,arm\n{rows}{line}\nc901,mail\n")
    had = write_csv(tmp_path / "o.csv", ("customer_id", "outcome"), [("c1", 1)])
    with pytest.raises(ChurnError, match="cannot be read") as error:
        measured(tmp_path / "a.csv", had)
    assert said in str(error.value)


def test_two_columns_of_one_name_are_refused(tmp_path):
    first = write_csv(tmp_path / "a.csv", ("customer_id", "arm", "arm"), [("a", "x", "y")])
    with pytest.raises(ChurnError, match="two have the same"):
        measured(first, first)


def test_files_that_are_not_there_or_lack_columns_are_named(tmp_path):
    first = write_csv(tmp_path / "a.csv", ("customer_id", "group"), ASSIGNED)
    with pytest.raises(ChurnError, match="lacks arm") as error:
        measured(first, first)
    assert "customer_id, group" in str(error.value)
    with pytest.raises(ChurnError, match="cannot be read"):
        measured(tmp_path / "none.csv", first)
    (tmp_path / "x.parquet").write_bytes(b"not Parquet")
    with pytest.raises(ChurnError, match="cannot be read"):
        measured(tmp_path / "x.parquet", first)
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(ChurnError):
        measured(tmp_path / "empty.csv", first)


def test_the_command_prints_json_and_says_when_nothing_can_be_told(tmp_path, home, run_churn):
    files = write_counts(tmp_path, {("mail", ""): (300, 60), ("control", ""): (300, 30)})
    arguments = ("campaign", "measure", "--assignments", files[0], "--outcomes", files[1])
    done = run_churn(home.root, *arguments, "--json")
    assert done.returncode == 0
    (one,) = json.loads(done.stdout)
    assert list(one) == [
        *("arm", "outcome", "n_arm", "n_control", "effect", "ci_low", "ci_high", "method")
    ]
    assert one["effect"] == pytest.approx(0.1)
    assert "higher" in run_churn(home.root, *arguments).stdout
    refused = run_churn(
        home.root, *arguments, "--share", "mail=1", "--share", "control=2", "--json"
    )
    assert refused.returncode == 3
    assert json.loads(refused.stdout)[0]["effect"] is None
    wrong = run_churn(home.root, *arguments, "--control", "none")
    assert wrong.returncode == 1
    assert "Traceback" not in wrong.stderr
    assert "control, mail" in wrong.stderr


# Newcombe's method 10 on the counts of the file, in points; spend by Welch
@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (
            "visit",
            {
                ("Mens E-Mail", "outcome"): (7.659, 6.995, 8.323),
                ("Womens E-Mail", "outcome"): (4.523, 3.889, 5.157),
                ("Mens E-Mail", "revenue"): (76.983, 48.514, 105.451),
            },
        ),
        (
            "conversion",
            {
                ("Mens E-Mail", "outcome"): (0.681, 0.501, 0.864),
                ("Womens E-Mail", "outcome"): (0.311, 0.150, 0.475),
            },
        ),
    ],
)
def test_real_emails_have_the_known_intervals(shared_data, tmp_path, outcome, expected):
    assigned, had, before = hillstrom_files(shared_data, tmp_path, outcome)
    found = measure_experiment(assigned, had, "No E-Mail", before=before)
    assert found.doubts == []
    lifts = {(one.arm, one.outcome): one for one in found.lifts}
    assert len(lifts) == 4
    for key, numbers in expected.items():
        one = lifts[key]
        told = [100 * value for value in (one.effect, one.ci_low, one.ci_high)]
        assert told == pytest.approx(numbers, abs=1e-3)
