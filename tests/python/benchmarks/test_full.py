"""The benchmark of the full size: what it makes is the demo's, and what it measures is true."""

import sys

import duckdb
import pytest

from benchmarks import full
from benchmarks.full import NEW_DAY, growth
from benchmarks.process_tree import Cost, run_watched
from benchmarks.registry import chosen
from benchmarks.workbench import Bench
from pipeline.demo import generate
from pipeline.demo.kkbox.generate import LEAST
from pipeline.project.errors import ChurnError

MEGABYTE = 1_000_000
HOLD = """
import subprocess, sys, time
held = bytearray(150_000_000)
held[::4096] = b"x" * len(held[::4096])
if len(sys.argv) > 1:
    subprocess.run([sys.executable, __file__], check=True)
else:
    open(sys.argv[0], "rb").read()
    open("/dev/zero", "rb").read(60_000_000)
    end = time.process_time() + 0.5
    while time.process_time() < end:
        pass
    time.sleep(0.7)
"""


def test_a_command_costs_what_its_children_take_too(tmp_path):
    script = tmp_path / "hold.py"
    script.write_text(HOLD)
    cost = run_watched([sys.executable, script, "with a child"], {}, tmp_path / "said.txt")
    # parent and child hold 150 MB each; the child alone reads and works
    assert 300 * MEGABYTE < cost.peak_bytes < 500 * MEGABYTE
    assert cost.read_bytes > 60 * MEGABYTE
    # one waits for the other, so no more than the clock
    assert 0.5 < cost.cpu_seconds <= cost.seconds


def test_costs_add_up_and_memory_is_that_of_the_worst():
    assert Cost(1, 2, 3, 40) + Cost(10, 20, 30, 4) == Cost(11, 22, 33, 40)


def test_a_command_that_fails_is_an_error_that_names_what_it_said(tmp_path):
    said = tmp_path / "said.txt"
    with pytest.raises(ChurnError, match="ended with 7") as refused:
        run_watched([sys.executable, "-c", "print('why'); exit(7)"], {}, said)
    assert str(said) in str(refused.value.where)
    assert said.read_text() == "why\n"


def test_growth_is_the_power_of_the_size():
    assert growth([0.02, 0.1, 0.25], [2, 10, 25]) == pytest.approx(1)
    assert growth([1, 2, 4], [3, 12, 48]) == pytest.approx(2)


def test_the_files_that_come_month_by_month_are_the_demo(home, console):
    """All rows before the new day, once each; those of the new day are in its own folder."""
    taken = []

    class Recorded:
        def __init__(self, where):
            self.home, self.console = where, console

        def run(self, _, *arguments):
            folder = arguments[-1]
            with duckdb.connect() as connection:
                for path in sorted(folder.glob("*.csv")):
                    kind = path.name.split("_2")[0].removesuffix(".csv").removesuffix("_v2")
                    rows = connection.execute(
                        f"select * from read_csv('{path}', all_varchar = true)"
                    ).fetchall()
                    taken.extend((kind, *row) for row in rows)
            return Cost()

    found = full.Lived(0.0)
    place = home.root / "place"
    place.mkdir(parents=True)
    recorded = Recorded(home)
    full._ingest_months(recorded, place, LEAST, found)
    recorded.run("nightly", "--raw", place / "day")

    generate("kkbox", home, scale=LEAST / 20_000, seed=full.SEED, console=console)
    raw = home.root / "raw" / "kkbox"
    at = f"{NEW_DAY:%Y%m%d}"
    with duckdb.connect() as connection:
        for kind, day in (("user_logs", "date"), ("transactions", "transaction_date")):
            expected = connection.execute(
                f"select * from read_csv('{raw}/{kind}*.csv', all_varchar = true) "
                f"where {day} <= '{at}' order by all"
            ).fetchall()
            got = sorted(row[1:] for row in taken if row[0] == kind)
            assert got == expected
    logs = [row for row in taken if row[0] == "user_logs"]
    assert found.log_rows == sum(row[2] < at for row in logs)
    assert 0 < sum(row[2] == at for row in logs) < len(logs)


def test_full_runs_only_when_it_is_named():
    assert "full" not in chosen([])
    assert list(chosen(["full"])) == ["full"]


def test_a_new_day_is_compared_with_the_first_run_and_long_steps_by_their_growth(
    home, console, monkeypatch
):
    def live(bench, share):
        first = {"build": Cost(20, 200 * share), "train": Cost(9, 1)}
        return full.Lived(share, first=first, night=Cost(2, 6 * share + 0.06))

    monkeypatch.setattr(full, "live", live)
    measured = full.measure(Bench(home.root, 1, 1, console, shares=(0.1, 0.02)))
    found = {figure.name: figure for figure in measured}
    night = found["full_0.1_new_day_cpu"]
    assert night.ratio.to == "full_0.1_first_cpu"
    assert night.ratio.value == pytest.approx(0.66 / 21)
    assert found["full_build_slope"].value == pytest.approx(1)
    assert "full_train_slope" not in found, "start-up has no growth"
