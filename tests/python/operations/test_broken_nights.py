"""Nine kinds of broken night: the right exit code, the right alert, and yesterday's rows whole.

The nights follow each other in one home, a shop whose days come as files; each begins where the one
before it ended. What is told is what a receiver of signed webhooks got.
"""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from datetime import date, timedelta

import duckdb
import pytest
from home_copy import copy_home
from receiver import Receiver, is_signed_with

from pipeline.alerts.book import read_alerts
from pipeline.campaigns.signing import new_secret
from pipeline.demo.folder import MARKER
from pipeline.operations.verify import verify_generation
from pipeline.project.home import PROJECT, Home
from pipeline.publish.generation import current

pytestmark = pytest.mark.long

SHOP = "ecommerce"
# The demo ends on 30 April 2020; the days after it are those of a week before, moved.
MAY_1, MAY_2 = date(2020, 5, 1), date(2020, 5, 2)
WEEK = timedelta(days=7)


class Spool:
    """The folder that files arrive in."""

    def __init__(self, folder, raw):
        self.folder, self.april = folder, raw / SHOP / "2020-Apr.csv"
        folder.mkdir()
        shutil.copy(raw / SHOP / MARKER, folder)
        self.header, *self.rows = self.april.read_text().splitlines()

    def of(self, day):
        """The rows of a day."""
        was = str(day - WEEK)
        return [str(day) + row[len(was) :] for row in self.rows if row.startswith(was)]

    def put(self, name, rows, header=None):
        (self.folder / name).write_text("\n".join([header or self.header, *rows]) + "\n")

    def clear(self):
        for path in self.folder.glob("*.csv*"):
            path.unlink()


def half_written(spool):
    """A download that broke off."""
    packed = gzip.compress("\n".join([spool.header, *spool.of(MAY_1)]).encode())
    (spool.folder / "2020-05-01.csv.gz").write_bytes(packed[: len(packed) // 2])


def doubled(spool):
    """A file that was loaded before, under another name."""
    shutil.copy(spool.april, spool.folder / "april_again.csv")


def large(spool):
    """A file too large for what is left of the disk."""
    spool.put("2020-May.csv", [row.replace("2020-04", "2020-05", 1) for row in spool.rows])


def nothing(spool):
    """No file at all."""


def schema_changed(spool):
    """The customer's column has another name."""
    spool.put("2020-05-01.csv", spool.of(MAY_1), spool.header.replace("user_id", "client"))


def late(spool):
    """The day that was missing, with the next one."""
    for day in (MAY_1, MAY_2):
        spool.put(f"{day}.csv", spool.of(day))


def shrunken(spool):
    """A third of a day in place of the whole day; and another day's rows again in a new file."""
    spool.put(f"{MAY_2}.csv", spool.of(MAY_2)[::3])
    spool.put("again.csv", spool.of(MAY_1)[::2])


# the kernel's limit on the size of a file stands in for a full disk
FULL = "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); " + (
    "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000)); "
)
# as its step begins
KILLED = (
    "import os, signal; from pipeline import steps; "
    "steps.build = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL); "
)


@dataclass(frozen=True)
class Case:
    """A night.

    Attributes:
        name: What is wrong with it.
        arrives: Puts files into the spool.
        today: The day it is on.
        exit_code: How it must end.
        told: What the receiver must get: event and kind.
        stands: Kinds of alert that must be open afterwards.
        says: Words of a warning or refusal in its status; empty for neither.
        publishes: Whether readers see something new.
        before: Code that runs first in the process of the night.
        is_online: Whether the receiver can be reached.
    """

    name: str
    arrives: object
    today: date
    exit_code: int
    told: set = field(default_factory=set)
    stands: set = field(default_factory=set)
    says: str = ""
    publishes: bool = False
    before: str = ""
    is_online: bool = True


NEW, OVER = "alert.opened", "alert.over"
FRESH = "freshness"
CASES = [
    # name, what arrives, day, exit code, told, open
    Case(
        "half-written", half_written, MAY_2, 1, {(NEW, "failed")}, {"failed"},
        says="truncated or damaged",
    ),
    Case("doubled, the whole file", doubled, MAY_2, 0, {(OVER, "failed")}),
    Case(
        "full disk", large, MAY_2, 1, {(NEW, "failed")}, {"failed"}, before=FULL,
        says="largest size that is allowed",
    ),
    Case("killed", doubled, MAY_2, -signal.SIGKILL, stands={"failed"}, before=KILLED),
    Case(
        "after it", doubled, MAY_2, 0, {(OVER, "failed"), (NEW, "stopped")}, {"stopped"},
    ),
    Case(
        "no network", doubled, MAY_2, 4, is_online=False,
        says="the target ops was not reached and will be told the next night: not connected",
    ),
    Case(
        "missing", nothing, MAY_2 + timedelta(1), 4, {(OVER, "stopped"), (NEW, FRESH)}, {FRESH},
        says="nothing has arrived",
    ),
    Case(
        "schema changed", schema_changed, MAY_2 + timedelta(1), 1, {(NEW, "failed")},
        {FRESH, "failed"}, says="user_id",
    ),
    Case(
        "late", late, MAY_2 + timedelta(1), 0, {(OVER, "failed"), (OVER, FRESH)}, publishes=True,
    ),
    Case(
        "shrunken, and rows doubled", shrunken, MAY_2 + timedelta(1), 4,
        {(NEW, "shrunken"), (NEW, "doubled"), (NEW, "volume")}, {"shrunken", "doubled", "volume"},
        says="may count twice", publishes=True,
    ),
]  # fmt: skip


@dataclass(frozen=True)
class Lived:
    """How a night went.

    Attributes:
        done: The finished process.
        status: Its status line; None if it was killed.
        told: Requests that the receiver got.
        before: The generation before it.
        after: The generation after it.
        rows: What readers saw before it, and after.
        damages: Files of the served generation that are not what was published.
        stands: Alerts that are open afterwards.
    """

    done: subprocess.CompletedProcess
    status: dict | None
    told: list
    before: str
    after: str
    rows: tuple
    damages: list
    stands: list


def served(home):
    """A sum over the rows of the shop that readers see."""
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return connection.execute(
            "select count(*), sum(cast(hash(risk) as hugeint)) from serving.bi_churn_risk as risk "
            f"where domain = '{SHOP}'"
        ).fetchone()


@pytest.fixture(scope="module")
def lived(demo, tmp_path_factory):
    """Every case, lived in their order: name → how it went, and the secret of the receiver."""
    folder = tmp_path_factory.mktemp("broken")
    home = Home(folder / "home")
    copy_home(demo[0].root, home.root)
    spool, receiver, secret = Spool(folder / "spool", home.raw), Receiver(), new_secret()
    target = {"kind": "webhook", "url": receiver.url, "development": True}
    (home.root / "targets.json").write_text(json.dumps({"targets": {"ops": target}}))
    found = {}
    for case in CASES:
        spool.clear()
        case.arrives(spool)
        receiver.got.clear()
        receiver.answer = (lambda request: 200) if case.is_online else (lambda request: "reset")
        before, rows = current(home).name, served(home)
        code = f"{case.before}import sys; from cli import main; sys.argv[0] = 'churn'; main()"
        done = subprocess.run(
            [
                *(sys.executable, "-c", code, "nightly", "--quiet"),
                *("--domain", SHOP, "--raw", str(spool.folder)),
            ],
            env=os.environ
            | {
                "CHURN_HOME": str(home.root),
                "CHURN_TODAY": str(case.today),
                "CHURN_TARGET_OPS_SECRET": secret,
            },
            cwd=PROJECT,
            capture_output=True,
            text=True,
        )
        told = list(receiver.got) if case.is_online else []
        found[case.name] = Lived(
            done=done,
            status=json.loads(done.stdout) if done.stdout else None,
            told=told,
            before=before,
            after=current(home).name,
            rows=(rows, served(home)),
            damages=verify_generation(home, current(home).name).damages,
            stands=read_alerts(home),
        )
    receiver.close()
    shutil.rmtree(folder, ignore_errors=True)
    return found, secret


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_broken_night(lived, case):
    one = lived[0][case.name]
    # the right exit code, in words
    assert one.done.returncode == case.exit_code, one.done.stdout + one.done.stderr
    assert (one.status is None) == (case.exit_code < 0)
    if one.status is not None:
        assert one.status["exit_code"] == case.exit_code
        notes = [note["what"] for note in one.status["warnings"] + one.status["refusals"]]
        where = [note["where"] or "" for note in one.status["refusals"]]
        assert bool(notes) == bool(case.says), notes
        assert not case.says or any(case.says in words for words in notes + where), notes + where
        assert one.status["generation"] == one.after
    # the right alert, told once, signed
    bodies = [json.loads(request["body"]) for request in one.told]
    assert {(body["type"], body["data"]["kind"]) for body in bodies} == case.told
    assert len(bodies) == len(case.told)
    assert all(is_signed_with(request, lived[1]) for request in one.told)
    assert {alert.kind for alert in one.stands} == case.stands
    # yesterday's generation whole and served, or the new one
    assert one.damages == []
    assert (one.after != one.before) == case.publishes
    if not case.publishes:
        assert one.rows[0] == one.rows[1]


def test_the_alerts_of_those_nights_name_their_domain_day_page_and_no_customer(lived, demo):
    with duckdb.connect(str(current(demo[0]).path), read_only=True) as connection:
        ids = {
            row[0]
            for row in connection.execute(
                f"select customer_id from serving.bi_churn_risk where domain = '{SHOP}'"
            ).fetchall()
        }
    bodies = [request["body"] for one in lived[0].values() for request in one.told]
    assert len(bodies) >= 10
    for body in bodies:
        data = json.loads(body)["data"]
        assert data["page"].startswith("http://127.0.0.1:8501/nights")
        assert data["since"].startswith("20")
        assert (data["domain"] == SHOP) == (data["kind"] != "stopped")
        assert not any(one in body for one in ids)


def test_every_alert_that_was_told_as_over_was_told_as_open_before(lived):
    standing = set()
    for one in lived[0].values():
        for request in one.told:
            body = json.loads(request["body"])
            key = body["data"]["alert_id"]
            assert (body["type"] == OVER) == (key in standing)
            standing ^= {key}
