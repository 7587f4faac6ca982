"""A command that is killed at any moment tears nothing, and done again ends as if it had not been.

The moments are those that make something durable: each fsync, rename, link and commit. A few of
each command, one at each place of the code that asks for such a moment, all of them, and kills at
random times are tried by hand.
"""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import pytest
from nights import World, churn
from published_rows import hashed_tables

from pipeline.demo.nights import HISTORY, NightOptions
from pipeline.operations.verify import verify
from pipeline.project.clock import TODAY
from pipeline.project.exit_codes import PUBLISHED, WARNED
from pipeline.project.home import PROJECT, Home
from pipeline.publish.generation import SCHEMA, current
from pipeline.retention.decisions import suppress

DOMAIN = "kkbox"
FAILPOINTS = PROJECT / "tests/python/support/failpoints.py"
AT_RANDOM = 60
# a publish before the day's files are read says that they have not come
ENDED = (PUBLISHED, WARNED)


@dataclass
class Start:
    """A published home, and a day's files that have come since.

    Attributes:
        home: As it was after the last night. Copy it.
        spool: The files.
        morning: The day of the next night.
        customers: Some that are scored.
    """

    home: Home
    spool: Path
    morning: object
    customers: list = field(default_factory=list)


@dataclass(frozen=True)
class Command:
    """A command, and what a home holds once it has ended.

    Attributes:
        name: What it is called here.
        arguments: Of `churn`; `{spool}`, `{customer}` and `{beside}` are filled in.
        before: Done to the home first.
        few: Moments that are tried where not all are.
    """

    name: str
    arguments: tuple
    before: object = lambda start, home: None
    few: int = 1


def suppress_two(start, home):
    suppress(home, DOMAIN, [(one, "asked") for one in start.customers[:2]])


def without_scores(start, home):
    """What was scored is lost, so that it is scored again."""
    for folder in home.models.glob(f"{DOMAIN}/*/scores/*"):
        shutil.rmtree(folder)


COMMANDS = [
    Command("nightly", ("nightly", "--domain", DOMAIN, "--raw", "{spool}"), few=2),
    Command("run", ("run", "--domain", DOMAIN, "--raw", "{spool}")),
    Command("ingest", ("ingest", "--domain", DOMAIN, "--raw", "{spool}")),
    Command("score", ("score", "--domain", DOMAIN), without_scores),
    Command("publish", ("publish",), suppress_two),
    Command("erase", ("erase", "{customer}", "--domain", DOMAIN, "--yes")),
    Command("backup", ("backup", "{beside}/backup"), suppress_two),
]


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    """The home after a night of KKBox, and the files of the next day."""
    folder = tmp_path_factory.mktemp("failpoints")
    world = World(DOMAIN, folder, scale=0.1, options=NightOptions(5))
    first, second = world.nights.days()[:2]
    spool = folder / "spool"
    shutil.copytree(world.arrives[HISTORY], spool)
    done = churn(world.home, first, "nightly", "--domain", DOMAIN, "--raw", spool)
    assert done.returncode == 0, done.stdout + done.stderr
    for path in world.arrives[str(first)].glob("*.csv"):
        shutil.copy(path, spool)
    with duckdb.connect(str(current(world.home).path), read_only=True) as connection:
        rows = connection.execute(
            f"select customer_id from {SCHEMA}.bi_churn_risk order by risk_rank limit 3"
        ).fetchall()
    return Start(world.home, spool, second, [row[0] for row in rows])


class Trial:
    """A copy of the home in which a command is killed, and done again."""

    def __init__(self, start, command, folder):
        self.start, self.command, self.folder = start, command, folder
        self.home = Home(folder / "home")
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(start.home.root, self.home.root, symlinks=True)
        command.before(start, self.home)
        self.was = current(self.home).name

    def arguments(self):
        return [
            one.format(spool=self.start.spool, customer=self.start.customers[2], beside=self.folder)
            for one in self.command.arguments
        ]

    def begin(self, number):
        """Start it, to be killed before the moment of that number."""
        environment = {"CHURN_HOME": str(self.home.root), TODAY: str(self.start.morning)}
        return subprocess.Popen(
            [
                sys.executable,
                FAILPOINTS,
                str(number),
                self.folder / "moments",
                *self.arguments(),
            ],
            env=os.environ | environment | {"PYTHONPATH": str(PROJECT)},
            cwd=PROJECT,
            stdout=(self.folder / "told").open("w"),
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def killed(self, number):
        """Kill it before that moment; whether it was still running then."""
        code = self.begin(number).wait()
        assert code in (*ENDED, -signal.SIGKILL), (self.folder / "told").read_text()
        return code == -signal.SIGKILL

    def check_whole(self):
        """What readers open is whole: the generation of before, or the new one."""
        found = current(self.home)
        with duckdb.connect(str(found.path), read_only=True) as connection:
            for table, rows in found.tables.items():
                counted = connection.execute(f"select count(*) from {SCHEMA}.{table}").fetchone()
                assert counted == (rows,), table

    def again(self):
        """Do it once more, to the end."""
        shutil.rmtree(self.folder / "backup", ignore_errors=True)
        done = churn(self.home, self.start.morning, *self.arguments())
        assert done.returncode in ENDED, done.stdout + done.stderr
        self.check_whole()
        assert [one.damages for one in verify(self.home) if one.damages] == []
        if self.command.name in ("nightly", "publish"):
            assert list(self.home.root.rglob("*.part")) == []

    def holds(self):
        """What the home holds by store, times and names aside."""
        found = {f"published {name}": rows for name, rows in hashed_tables(self.home).items()}
        for folder in ("lake", "labels"):
            for path in sorted((self.home.root / folder).rglob("*.parquet")):
                name = str(path.relative_to(self.home.root))
                found[name if folder == "labels" else str(Path(name).parent)] = digest(path)
        if self.command.name == "backup":
            found["backup"] = sorted(
                str(path.relative_to(self.folder))
                for path in (self.folder / "backup").rglob("*.parquet")
            )
        return found


def digest(path):
    """The rows of a Parquet file, whatever their order."""
    rows = duckdb.sql(f"from '{path}'").fetchall()
    return hashlib.sha256(repr(sorted(map(repr, rows))).encode()).hexdigest()


@pytest.fixture(scope="module")
def unharmed(start, tmp_path_factory):
    """By command: what a home holds after it was done whole, and its moments."""
    made = {}

    def done(command):
        if command.name not in made:
            trial = Trial(start, command, tmp_path_factory.mktemp(f"whole_{command.name}") / "it")
            assert not trial.killed(0)
            moments = (trial.folder / "moments").read_text().splitlines()
            trial.again()
            made[command.name] = trial.holds(), moments
            shutil.rmtree(trial.folder)
        return made[command.name]

    return done


def places(moments):
    """The number of the first moment at each place of the code."""
    first = {}
    for number, moment in enumerate(moments, 1):
        kind, place, _ = moment.split(" ", 2)
        first.setdefault((kind, place), number)
    return sorted(first.values())


def spread(count, few):
    """Some of the numbers 1 to `count`, evenly apart."""
    return [1 + round((2 * place + 1) / (2 * few) * (count - 1)) for place in range(few)]


def kill_and_do_again(start, command, unharmed, folder, numbers):
    expected, moments = unharmed(command)
    for number in numbers:
        trial = Trial(start, command, folder / "trial")
        assert trial.killed(number), f"{command.name}: there was no moment {number}"
        told = f"{command.name}, before moment {number}: {moments[number - 1]}"
        trial.check_whole()
        trial.again()
        held = trial.holds()
        assert {key for key in held | expected if held.get(key) != expected.get(key)} == set(), told


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_killed_at_a_moment_of_these_it_ends_as_if_it_had_not_been(
    start, command, unharmed, tmp_path
):
    _, moments = unharmed(command)
    kill_and_do_again(start, command, unharmed, tmp_path, spread(len(moments), command.few))


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_killed_once_at_each_place_it_ends_as_if_it_had_not_been(
    start, command, unharmed, tmp_path
):
    _, moments = unharmed(command)
    kill_and_do_again(start, command, unharmed, tmp_path, places(moments))


@pytest.mark.long
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_killed_at_any_moment_it_ends_as_if_it_had_not_been(start, command, unharmed, tmp_path):
    _, moments = unharmed(command)
    kill_and_do_again(start, command, unharmed, tmp_path, range(1, len(moments) + 1))


@pytest.mark.long
def test_killed_at_random_times_with_all_its_children_it_ends_as_if_it_had_not_been(
    start, unharmed, tmp_path
):
    """The children are killed with it, as a machine that goes down does."""
    draws, hit = random.Random(20261127), 0
    while hit < AT_RANDOM:
        command = draws.choice(COMMANDS)
        expected, _ = unharmed(command)
        trial = Trial(start, command, tmp_path / "trial")
        process = trial.begin(0)
        time.sleep(draws.uniform(0.5, 14))
        if process.poll() is not None:
            continue
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        hit += 1
        trial.check_whole()
        trial.again()
        assert trial.holds() == expected, command.name
