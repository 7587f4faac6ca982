"""What a scheduler calls: one status line, the right exit code, and yesterday's rows stay whole."""

import gzip
import json
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock
from stored import hash_again

from pipeline.operations.folders import known_folder
from pipeline.project.home import PROJECT
from pipeline.publish.generation import SCHEMA, current
from pipeline.retention.decisions import suppress
from pipeline.runs.nights import nights
from pipeline.runs.registry import live_name, live_run

SHOP, OTHER = "ecommerce", "kkbox"


def ask(path, sql):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def rows_of(home, domain, table="bi_churn_risk"):
    return ask(
        current(home).path, f"select * from {SCHEMA}.{table} where domain = '{domain}' order by all"
    )


def suppress_one(home):
    """Suppress a customer of the shop, so that there is something to publish."""
    sql = f"select min(customer_id) from {SCHEMA}.bi_churn_risk where domain = '{SHOP}'"
    suppress(home, SHOP, [(ask(current(home).path, sql)[0][0], "asked")])


@pytest.fixture
def spool(demo_copy, tmp_path):
    """Folders of the demo's raw files that a test may change: domain → folder."""
    shutil.copytree(demo_copy.raw, tmp_path / "spool")
    return {domain: tmp_path / "spool" / domain for domain in (OTHER, SHOP)}


@pytest.fixture
def night(run_churn):
    """`night(home, …)`: the finished process and the status of its last line."""

    def live(home, *arguments):
        done = run_churn(home.root, "nightly", *arguments)
        status = json.loads(done.stdout.splitlines()[-1])
        assert status["exit_code"] == done.returncode, done.stdout + done.stderr
        assert json.loads(home.status.read_text()) == status
        return done, status

    return live


def test_a_night_without_news_says_so_and_publishes_nothing(demo_copy, night):
    before, live = current(demo_copy), live_name(demo_copy, OTHER)
    began = datetime.now(UTC)
    done, status = night(demo_copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "no cohort has closed since the last training" in done.stdout
    assert (current(demo_copy), live_name(demo_copy, OTHER)) == (before, live)
    assert (status["command"], status["outcome"]) == ("nightly", "published")
    assert (status["generation"], status["is_new"]) == (before.name, False)
    assert began < datetime.fromisoformat(status["began_at"])
    assert datetime.fromisoformat(status["began_at"]) < datetime.fromisoformat(status["ended_at"])
    assert [(step["name"], step["domain"]) for step in status["steps"]] == [
        ("read files", OTHER),
        ("read files", SHOP),
        ("build", ""),
        ("score", OTHER),
        ("score", SHOP),
        ("publish", ""),
    ]
    rows = {(step["name"], step["domain"]): step["rows"] for step in status["steps"]}
    assert rows["read files", OTHER] == 0
    assert rows["score", OTHER] == len(rows_of(demo_copy, OTHER))
    assert rows["publish", ""] == sum(before.tables.values())
    assert status["domains"][OTHER] == {
        "outcome": "published",
        "exit_code": 0,
        "as_of_date": "2017-04-01",
        "run_id": live,
        "trained_because": None,
    }
    assert (status["warnings"], status["refusals"]) == ([], [])
    assert nights(demo_copy, 1)[0].command == "nightly"


def test_quiet_leaves_the_status_line_alone(demo_copy, night, tmp_path):
    done, _ = night(demo_copy, "--quiet")
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == ""
    # a failure is on the line, too
    done, status = night(demo_copy, "--quiet", "--domain", OTHER, "--raw", tmp_path / "gone")
    assert done.returncode == 1
    assert (len(done.stdout.splitlines()), done.stderr) == (1, "")
    (refusal,) = status["refusals"]
    assert refusal["what"] == "The raw directory does not exist."


@pytest.mark.parametrize(
    "arguments", [("--domain", "nope"), ("--raw", "."), ("--set", "horizon_days=7")]
)
def test_wrong_usage_is_2_and_touches_nothing(home, run_churn, arguments):
    done = run_churn(home.root, "nightly", *arguments)
    assert done.returncode == 2, done.stdout + done.stderr
    assert not home.root.exists()


def test_a_home_without_data_and_without_a_folder_says_what_to_do(home, night):
    done, status = night(home)
    assert done.returncode == 1
    assert "churn nightly --domain DOMAIN --raw DIR" in " ".join(done.stderr.split())
    (refusal,) = status["refusals"]
    assert refusal["kind"] == "failure"
    assert "no folder is known" in refusal["what"]
    assert (status["generation"], status["domains"], status["steps"]) == (None, {}, [])


def test_a_night_while_another_command_writes_leaves_its_status_alone(home, run_churn):
    home.root.mkdir(parents=True)
    home.status.write_text("of the other one")
    with FileLock(home.root / ".lock"):
        done = run_churn(home.root, "nightly")
    assert done.returncode == 1
    status = json.loads(done.stdout.splitlines()[-1])
    assert (status["exit_code"], status["outcome"]) == (1, "failed")
    assert status["refusals"][0]["what"] == "Another churn command is writing to this CHURN_HOME."
    assert home.status.read_text() == "of the other one"
    assert nights(home) == []


def test_the_folder_of_the_last_load_is_remembered(demo_copy, home):
    assert known_folder(demo_copy, OTHER).parts[-2:] == ("raw", OTHER)
    assert known_folder(home, OTHER) is None
    (home.raw / OTHER).mkdir(parents=True)
    assert known_folder(home, OTHER) == home.raw / OTHER


def other_columns(folder):
    path = folder / "transactions_v2.csv"
    path.write_text(path.read_text().replace("payment_method_id", "method", 1))
    return "payment_method_id"


def half_a_download(folder):
    """A compressed file of which a part has come, in place of the whole one."""
    path = folder / "transactions_v2.csv"
    packed = gzip.compress(path.read_bytes())
    path.with_suffix(".csv.gz").write_bytes(packed[: len(packed) // 2])
    path.unlink()
    return "truncated or damaged"


def no_text(folder):
    (folder / "user_logs_v2.csv").write_bytes(b"")
    return "The file is empty."


@pytest.mark.long  # with the alert that follows in operations/test_broken_nights.py
@pytest.mark.parametrize(
    "break_", [other_columns, half_a_download, no_text], ids=lambda f: f.__name__
)
def test_a_file_that_cannot_be_used_fails_its_domain_and_the_other_is_published(
    demo_copy, spool, night, break_
):
    """`--raw` names one domain; without it, each reads the folder of its last load."""
    before, kept = current(demo_copy), rows_of(demo_copy, OTHER)
    remember(demo_copy, spool)
    words = break_(spool[OTHER])
    suppress_one(demo_copy)
    done, status = night(demo_copy)
    assert done.returncode == 1, done.stdout + done.stderr
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    (refusal,) = status["refusals"]
    assert (refusal["domain"], refusal["kind"]) == (OTHER, "failure")
    codes = {name: one["exit_code"] for name, one in status["domains"].items()}
    assert codes == {OTHER: 1, SHOP: 0}
    after = current(demo_copy)
    assert (after.name, status["is_new"]) == (status["generation"], True)
    assert after.name != before.name
    assert rows_of(demo_copy, OTHER) == kept
    assert (True,) in ask(
        after.path, f"select is_suppressed from {SCHEMA}.crm_churn_actions where domain = '{SHOP}'"
    )


def remember(home, spool):
    """Let the lake say that its files were loaded from these folders."""
    for domain, folder in spool.items():
        for path in (home.lake / domain).glob("*/*/_file.json"):
            record = json.loads(path.read_text())
            record["seen"][0] = str(folder / Path(record["seen"][0]).name)
            path.write_text(json.dumps(record))
    hash_again(home)


def test_a_folder_in_which_nothing_has_arrived_is_a_warning(demo_copy, night, tmp_path):
    before = current(demo_copy)
    (tmp_path / "spool").mkdir()
    done, status = night(demo_copy, "--domain", OTHER, "--raw", tmp_path / "spool")
    assert done.returncode == 4, done.stdout + done.stderr
    (warning,) = status["warnings"]
    assert warning["domain"] == OTHER
    assert f"nothing has arrived in {tmp_path / 'spool'}" in warning["what"]
    assert current(demo_copy) == before
    assert list(status["domains"]) == [OTHER]


def test_an_engine_that_is_gone_is_a_failed_night(demo_copy, night, monkeypatch, tmp_path):
    monkeypatch.setenv("CHURN_SAIL_ENV", str(tmp_path))
    before = current(demo_copy)
    done, status = night(demo_copy, "--engine", "sail")
    assert (done.returncode, status["outcome"]) == (1, "failed")
    assert "Sail is not installed." in done.stderr
    assert current(demo_copy) == before
    assert nights(demo_copy, 1)[0].outcome == "failed"


def test_a_file_that_is_sent_twice_under_another_name_changes_nothing(demo_copy, spool, night):
    before = current(demo_copy)
    folder = spool[OTHER]
    shutil.copy(folder / "transactions_v2.csv", folder / "transactions_again.csv")
    done, status = night(demo_copy, "--domain", OTHER, "--raw", folder)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (current(demo_copy), status["is_new"]) == (before, False)


def test_a_refused_training_leaves_the_live_model_scoring(demo_copy, night):
    """Its outcomes are fewer than needed, since the entry asks for more than there can be."""
    live, before = live_name(demo_copy, OTHER), current(demo_copy)
    forget_newest_cohort(demo_copy, minimum={"rows": 99_999_999, "churners": 50, "cohorts": 3})
    done, status = night(demo_copy, "--domain", OTHER)
    assert done.returncode == 4, done.stdout + done.stderr
    assert status["domains"][OTHER]["trained_because"] == (
        "the outcomes of the cohort of 2017-02-01 are known"
    )
    assert any(
        "99,999,999 are needed" in warning["what"] and f"{live} keeps scoring" in warning["what"]
        for warning in status["warnings"]
    ), status["warnings"]
    assert (live_name(demo_copy, OTHER), status["refusals"]) == (live, [])
    assert current(demo_copy).name in (before.name, status["generation"])


def forget_newest_cohort(home, **settings):
    """Let the live model have learned from one cohort less, under other settings."""
    path = live_run(home, OTHER) / "recipe.json"
    recipe = json.loads(path.read_text())
    recipe["live_cohorts"].pop()
    recipe["settings"] |= settings
    path.write_text(json.dumps(recipe))
    hash_again(home)


@pytest.mark.long  # of a run in steps/test_one_domain_alone.py
def test_a_domain_that_cannot_be_scored_does_not_stop_the_other(demo_copy, night):
    kept = rows_of(demo_copy, OTHER)
    path = live_run(demo_copy, OTHER) / "recipe.json"
    recipe = json.loads(path.read_text())
    recipe["features"][0] = "payment__gone"
    path.write_text(json.dumps(recipe))
    shutil.rmtree(live_run(demo_copy, OTHER) / "scores")
    hash_again(demo_copy)
    suppress_one(demo_copy)
    done, status = night(demo_copy)
    assert done.returncode == 3, done.stdout + done.stderr
    assert {name: one["outcome"] for name, one in status["domains"].items()} == {
        OTHER: "refused",
        SHOP: "published",
    }
    assert "no longer built: payment__gone" in status["refusals"][0]["what"]
    assert current(demo_copy).kept == (OTHER,)
    assert rows_of(demo_copy, OTHER) == kept


def test_a_full_disk_ends_in_words_and_the_status_line(demo_copy):
    """The kernel's limit on the size of a file stands in for a full disk."""
    before = current(demo_copy)
    suppress_one(demo_copy)
    limited = (
        "import resource, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000)); "
        "from cli import main; sys.argv[0] = 'churn'; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", limited, "nightly"],
        env=os.environ | {"CHURN_HOME": str(demo_copy.root)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    status = json.loads(done.stdout.splitlines()[-1])
    assert status["exit_code"] == 1
    assert status["refusals"]
    assert current(demo_copy) == before


@pytest.mark.long  # moments of every step in operations/test_failpoints.py
@pytest.mark.parametrize("moment", ["build", "learn", "publish"])
def test_a_night_that_is_killed_is_made_up_for_by_the_next(demo_copy, night, moment):
    """Killed as its step begins; until then everything is as such a night leaves it."""
    before = current(demo_copy)
    done, old = night(demo_copy)
    suppress_one(demo_copy)
    demo_copy.warehouse.unlink()
    step = {
        "build": "pipeline.steps.build",
        "learn": "pipeline.operations.learning.learn_if_due",
        "publish": "pipeline.publish.generation.commit",
    }[moment]
    module, _, name = step.rpartition(".")
    killed = (
        f"import os, signal, sys, importlib; module = importlib.import_module({module!r}); "
        f"module.{name} = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL); "
        "from cli import main; sys.argv[0] = 'churn'; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", killed, "nightly"],
        env=os.environ | {"CHURN_HOME": str(demo_copy.root)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stdout + done.stderr
    assert current(demo_copy) == before
    assert json.loads(demo_copy.status.read_text()) == old
    assert nights(demo_copy, 1)[0].outcome == "running"
    done, status = night(demo_copy)
    assert done.returncode == 0, done.stdout + done.stderr
    assert status["is_new"]
