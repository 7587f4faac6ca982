"""Benchmarks: what they measure is the real thing, and their figures are kept."""

import json
import shutil
import time
from dataclasses import replace

import duckdb
import pytest
from typer.testing import CliRunner

from benchmarks import (
    browser,
    ecommerce_data,
    ecommerce_ingest,
    features,
    kkbox_data,
    kkbox_ingest,
)
from benchmarks.__main__ import app
from benchmarks.columns import sums_of_csv, sums_of_lake
from benchmarks.figures import Figure, render, save
from benchmarks.registry import BENCHMARKS, chosen
from benchmarks.workbench import Bench, Timed, best
from pipeline.project.errors import ChurnError
from pipeline.warehouse.compiled_sql import CompiledModel

TINY = 1  # the generator's fewest members, some 86,000 log rows


@pytest.fixture
def bench(home, console):
    return Bench(home.root / "bench", TINY, 1, console)


def kept(path):
    return json.loads(path.read_text())


def test_ingest_is_compared_with_reading_the_same_rows(bench):
    rows, read, ingested = kkbox_ingest.measure(bench)

    with (bench.folder / "raw" / "kkbox" / "user_logs.csv").open() as file:
        assert rows.value == sum(1 for _ in file) - 1
    assert ingested.ratio.to == read.name
    assert ingested.ratio.value == ingested.value / read.value
    assert ingested.ratio.aim == 1.6


def test_a_timed_ingest_starts_without_the_file_and_does_it_anew(bench):
    raw = kkbox_data.raw_files(bench)
    kkbox_data.ingest_all_but_logs(bench, raw)
    statuses = []
    for _ in range(2):
        kkbox_data.forget_logs(bench)
        statuses += [file.status for file in kkbox_data.ingest_logs(bench, raw).files]
    assert statuses == ["ingested", "ingested"]
    assert [file.status for file in kkbox_data.lake(bench).files] == ["unchanged"]


def test_benchmarks_touch_nothing_of_the_users_but_bench_json(home, bench):
    kkbox_ingest.measure(bench)
    assert [path.name for path in home.root.iterdir()] == ["bench"]


@pytest.mark.parametrize("table", [kkbox_data.logs_table(), ecommerce_data.events_table()])
def test_every_column_is_read(table):
    for query, columns in (
        (sums_of_csv(table, "rows.csv"), table.raw_columns),
        (sums_of_lake(table), table.columns),
    ):
        for column in columns:
            assert f'"{column.name}"' in query.partition(" from ")[0]


def test_event_files_have_the_shares_of_real_ones(bench):
    raw = ecommerce_data.raw_files(replace(bench, rows=210_000))
    share = duckdb.sql(
        f"""
        select
            count(*) as events,
            avg((event_type = 'view')::integer) as viewed,
            avg((event_type = 'purchase')::integer) as bought,
            avg((category_code is null)::integer) as without_code,
            avg((brand is null)::integer) as without_brand,
            count(*) / count(distinct user_session) as a_session,
            1 - count(distinct rows) / count(*) as repeated,
            count(distinct user_id) as users,
        from read_csv('{raw}/*.csv', all_varchar = true) as rows
        """
    ).fetchone()
    aims = (210_000, 0.939, 0.016, 0.32, 0.14, 4.6, 0.002, 210_000 / 26)
    assert share == pytest.approx(aims, rel=0.3)
    bought = duckdb.sql(
        "select avg((sessions > 1)::integer) from (select count(distinct user_session) as sessions"
        f" from read_csv('{raw}/*.csv') where event_type = 'purchase' group by user_id)"
    ).fetchone()[0]
    assert 0.3 < bought < 0.6


def test_event_files_are_made_once_and_are_the_same_every_time(bench, tmp_path):
    raw = ecommerce_data.raw_files(bench)
    first = {path.name: (path.stat().st_ino, path.read_bytes()) for path in raw.iterdir()}
    assert set(first) == {*ecommerce_data.FILES, "churn_demo.json"}
    assert {
        path.name: path.stat().st_ino for path in ecommerce_data.raw_files(bench).iterdir()
    } == {name: inode for name, (inode, _) in first.items()}
    again = ecommerce_data.raw_files(replace(bench, folder=tmp_path / "again"))
    assert {path.name: path.read_bytes() for path in again.iterdir()} == {
        name: content for name, (_, content) in first.items()
    }


def test_event_files_are_each_of_one_month_and_in_order_of_time(bench):
    raw = ecommerce_data.raw_files(bench)
    for name, month in ecommerce_data.FILES.items():
        times = [line[:19] for line in (raw / name).read_text().splitlines()[1:]]
        assert times == sorted(times)
        assert {time[:7] for time in times} == {f"{month:%Y-%m}"}


def test_an_ingest_of_events_is_compared_with_reading_the_same_rows(bench):
    events, read, ingested, speed, alone, more = ecommerce_ingest.measure(bench)
    raw = ecommerce_data.raw_files(bench)
    lines = sum(len((raw / name).read_text().splitlines()) - 1 for name in ecommerce_data.FILES)
    assert events.value == lines
    assert ingested.ratio.to == read.name
    assert ingested.ratio.value == ingested.value / read.value
    assert speed.value == round(lines / ingested.value)
    assert more.ratio.to == alone.name
    assert more.ratio.aim == 1.3


def test_one_more_month_is_ingested_beside_six_and_alone_beside_none(bench, monkeypatch):
    calls = []

    def spy(raw, home):
        there = len(list(home.lake.glob("ecommerce/events/*/")))
        summary = ingest_files(raw, home)
        calls.append((there, [file.status for file in summary.files]))
        return summary

    ingest_files = ecommerce_data.ingest_files
    monkeypatch.setattr(ecommerce_data, "ingest_files", spy)
    ecommerce_ingest.measure(replace(bench, rounds=2))
    names = sorted(ecommerce_data.FILES)
    more = ["ingested" if name == ecommerce_ingest.NEW else "unchanged" for name in names]
    a_round = [(0, ["ingested"] * 7), (0, ["ingested"]), (6, more)]
    assert calls == [*a_round, *a_round, (7, ["unchanged"] * 7)]


def test_a_stack_is_made_as_its_config_says(home):
    home.root.mkdir(parents=True)
    stack = [
        CompiledModel(
            "seeds.days", "select * from (values (1), (2)) as seed (day)", is_table=False
        ),
        CompiledModel("kkbox.kept", "select day from seeds.days", is_table=True),
        CompiledModel("kkbox.seen", "select day from kkbox.kept", is_table=False),
        CompiledModel("kkbox.top", "select day from kkbox.seen", is_table=False),
    ]
    for _ in range(2):
        assert features.build(home, stack) == 2
    with features.warehouse(home) as connection:
        made = connection.execute(
            "select table_name, table_type from information_schema.tables order by table_name"
        ).fetchall()
    assert made == [("days", "VIEW"), ("kept", "BASE TABLE"), ("seen", "VIEW")]


def test_best_takes_turns_and_returns_the_least_of_each(home, console):
    calls = []
    pauses = iter([0.05, 0.001])
    slow = Timed("slow", lambda: calls.append("slow") or time.sleep(next(pauses)))
    quick = Timed("quick", lambda: calls.append("quick"), before=lambda: time.sleep(0.05))
    seconds = best(Bench(home.root, TINY, 2, console), slow, quick)
    assert calls == ["slow", "quick", "slow", "quick"]
    assert max(seconds) < 0.05


def test_figures_join_what_is_kept_already(tmp_path):
    path = tmp_path / "bench.json"
    path.write_text(json.dumps({"other": {"value": 1, "unit": "s"}, "scan": {"value": 9}}))
    scan = Figure("scan", 2.0, "s", "a scan")
    save(path, [scan, Figure("build", 5.0, "s", "a build").compared(scan, name="build_per_scan")])
    assert kept(path) == {
        "other": {"value": 1, "unit": "s"},
        "scan": {"value": 2.0, "unit": "s"},
        "build": {"value": 5.0, "unit": "s"},
        "build_per_scan": {"value": 2.5, "unit": "ratio"},
    }
    assert [file.name for file in tmp_path.iterdir()] == ["bench.json"]


def test_kept_figures_that_cannot_be_read_are_not_overwritten(tmp_path):
    path = tmp_path / "bench.json"
    path.write_text("{")
    with pytest.raises(ChurnError, match="cannot be read"):
        save(path, [Figure("scan", 1.0, "s", "a scan")])
    assert path.read_text() == "{"


def test_the_table_says_which_aim_was_missed(console):
    scan = Figure("scan", 2.0, "s", "a scan")
    build = Figure("build", 5.0, "s", "a build")
    render(
        [
            build.compared(scan, name="a", aim=2.5),
            build.compared(scan, name="b", aim=2.4),
            Figure("rows", 12_345, "rows", "counted"),
        ],
        console,
    )
    text = console.export_text()
    assert "[" not in text
    assert "2.50 × scan" in text
    assert "≤ 2.5 met" in text
    assert "≤ 2.4 missed" in text
    assert "12,345" in text


@pytest.mark.slow
def test_the_pages_are_timed_in_a_browser(demo, bench, monkeypatch):
    if not (shutil.which("chromium") and shutil.which("chromedriver")):
        pytest.skip("no chromium and chromedriver: apt-get install chromium chromium-driver")
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    figures = browser.measure(bench)
    assert [figure.ratio.to for figure in figures] == ["10 s", "3 s", "1 s", *["1.5 s"] * 3]
    assert all(0 < figure.value < 60 for figure in figures)


def test_nothing_published_is_no_time(home, bench, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    with pytest.raises(ChurnError, match="Nothing is published"):
        browser.measure(bench)


def test_benchmarks_are_chosen_by_name():
    assert list(chosen([])) == list(BENCHMARKS)
    assert list(chosen(["features"])) == ["features"]
    with pytest.raises(ChurnError, match="no benchmark 'speed'"):
        chosen(["ingest", "speed"])


def test_the_command_measures_what_it_is_asked_for(home, monkeypatch):
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    figure = Figure("made_up", 1.5, "s", "nothing")
    monkeypatch.setitem(BENCHMARKS, "ingest", lambda bench: [figure] * (bench.rows == 7))
    result = CliRunner().invoke(app, ["ingest", "--rows", "7"])
    assert result.exit_code == 0, result.output
    assert kept(home.root / "bench.json") == {"made_up": {"value": 1.5, "unit": "s"}}


@pytest.mark.long
def test_features_are_the_projects_own_at_one_cut_off(bench):
    _, members, scanned, built = features.measure_kkbox(bench)
    assert members.value > 100
    assert built.ratio.to == scanned.name
    with features.warehouse(bench.home) as connection:
        for relation in (
            "control.control__cut_offs",
            "subscription.int_subscription__usage_summarised",
        ):
            days = connection.execute(f"select distinct as_of_date from {relation}").fetchall()
            assert [str(day) for (day,) in days] == [features.KKBOX.cut_off]


@pytest.mark.long
def test_features_of_events_are_compared_with_reading_the_same_files(bench):
    read, scanned, built, per_second = features.measure_ecommerce(bench)
    assert scanned.ratio.to == built.ratio.to == read.name
    assert built.ratio.value == pytest.approx(built.value / read.value)
    assert per_second.value > 0
    with features.warehouse(bench.home) as connection:
        days = connection.execute(
            "select distinct as_of_date from no_contract.int_no_contract__orders_summarised"
        ).fetchall()
    assert [str(day) for (day,) in days] == [features.ECOMMERCE.cut_off]
