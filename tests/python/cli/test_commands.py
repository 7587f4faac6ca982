import shutil
import subprocess
import sys

import duckdb
import pytest
from filelock import FileLock

from pipeline.publish.generation import current


def test_a_second_run_at_the_same_time_is_refused(home, run_churn):
    home.root.mkdir(parents=True)
    with FileLock(home.root / ".lock"):
        done = run_churn(home.root, "run")
    assert done.returncode == 1
    assert "Another churn command is writing" in done.stderr
    assert str(home.root) in done.stderr.replace("\n", "")


def test_a_churn_home_below_a_file_is_refused_in_words(tmp_path, run_churn):
    (tmp_path / "file").write_text("")
    done = run_churn(tmp_path / "file" / "home", "run")
    assert done.returncode == 1
    assert "Cannot write to CHURN_HOME" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_warehouse_in_use_is_reported_in_words(demo_copy, run_churn):
    holder = (
        f"import duckdb; kept = duckdb.connect({str(demo_copy.warehouse)!r}); "
        "print(1, flush=True); input()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        done = run_churn(demo_copy.root, "plan", "--domain", "kkbox")
        process.stdin.close()
    assert done.returncode == 1
    assert "Another process has the database open" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run", "--domain", "nope"], "no domain 'nope'"),
        (["run"], "There is no data yet"),
        (["run", "--raw", "."], "--raw needs a domain"),
        (["build", "--domain", "kkbox", "--set", "nope=1"], "no setting 'nope'"),
        (["build", "--domain", "kkbox", "--set", "grid"], "there is no `=`"),
        (["build", "--domain", "kkbox", "--set", "gross_margin=much"], "it should be a number"),
        (["publish"], "churn run"),
        (["score", "--domain", "kkbox", "--as-of", "yesterday"], "YYYY-MM-DD"),
        (["score", "--domain", "kkbox", "--as-of", "2023-13-01"], "not a day of the calendar"),
        (["run", "--domain", "kkbox", "--as-of", "2023-02-30"], "not a day of the calendar"),
        (["build", "--domain", "kkbox", "--as-of", "0000-01-01"], "not a day of the calendar"),
    ],
)
def test_wrong_words_are_answered_with_what_to_do(home, run_churn, arguments, words):
    done = run_churn(home.root, *arguments)
    assert done.returncode == 1, done.stdout
    assert words in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_model_does_not_score_a_day_on_which_it_could_not_have_been_trained(demo_copy, run_churn):
    done = run_churn(demo_copy.root, "score", "--domain", "kkbox", "--as-of", "2017-01-15")
    assert done.returncode == 3
    assert "could not have been used on 2017-01-15" in " ".join(done.stderr.split())


@pytest.mark.long
def test_a_run_for_an_earlier_day_meets_its_outcome_and_the_next_run_is_live_again(
    demo_copy, run_churn
):
    before = current(demo_copy)
    for arguments in (["run", "--domain", "kkbox", "--as-of", "2017-01-15"], ["run"]):
        done = run_churn(demo_copy.root, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
    assert "is already trained" in done.stdout
    with duckdb.connect(str(before.path), read_only=True) as connection:
        live = connection.execute(
            "select run_id from serving.bi_domains order by domain"
        ).fetchall()
    with duckdb.connect(str(current(demo_copy).path), read_only=True) as connection:
        assert (
            connection.execute("select run_id from serving.bi_domains order by domain").fetchall()
            == live
        )
    with duckdb.connect(str(current(demo_copy).path), read_only=True) as connection:
        rows, known = connection.execute(
            "select count(*), count(is_churned) from serving.bi_churn_history "
            "where as_of_date = date '2017-01-15'"
        ).fetchone()
    assert rows > 500
    assert known == rows


@pytest.mark.long
def test_an_overridden_setting_is_recorded_and_used_by_later_steps(demo_copy, run_churn):
    done = run_churn(demo_copy.root, "run", "--domain", "kkbox", "--set", "gross_margin=0.5")
    assert done.returncode == 0, done.stdout + done.stderr
    for arguments in ([], ["publish"]):
        if arguments:
            assert run_churn(demo_copy.root, *arguments).returncode == 0
        with duckdb.connect(str(current(demo_copy).path), read_only=True) as connection:
            (settings, margin) = connection.execute(
                "select live_settings, gross_margin from serving.bi_domains where domain = 'kkbox'"
            ).fetchone()
        assert '"gross_margin": 0.5' in settings
        assert margin == 0.5


def test_bad_input_never_touches_the_published_generation(demo_copy, run_churn, tmp_path):
    before = current(demo_copy)
    bad = tmp_path / "bad"
    bad.mkdir()
    shutil.copy(demo_copy.raw / "kkbox" / "churn_demo.json", bad)
    (bad / "transactions.csv").write_text("msno,nonsense\nx,1\n")
    done = run_churn(demo_copy.root, "run", "--domain", "kkbox", "--raw", bad)
    assert done.returncode == 1
    assert "payment_method_id" in done.stderr
    assert current(demo_copy) == before


def test_real_files_are_ingested_whole_and_training_is_refused_with_the_reason(
    home, run_churn, shared_data
):
    done = run_churn(home.root, "run", "--domain", "kkbox", "--raw", shared_data / "kkbox_sample")
    assert done.returncode == 3, done.stdout + done.stderr
    told = " ".join((done.stdout + done.stderr).split())
    for words in (
        "11,689",
        "8,755",
        "9,924",
        "user_logs",
        "Training kkbox is refused",
        "2017-03-01",
    ):
        assert words in told
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        audit = connection.execute(
            "select as_of_date, label_definition, cohort_state, supplied_rows, derived_rows "
            "from kkbox.kkbox__label_audit order by all"
        ).fetchall()
        examples = connection.execute("select count(*) from kkbox.kkbox__churn_examples").fetchone()
    assert {row[3] for row in audit} == {9_924}
    assert examples[0] > 0
    assert current(home) is None


def test_what_is_written_is_the_owners_alone_unless_said_otherwise(home, run_churn, monkeypatch):
    done = run_churn(home.root, "keys", "create", "--name", "crm", "--scope", "read")
    assert done.returncode == 0, done.stderr
    written = [home.root, *home.root.rglob("*")]
    assert home.state in written
    assert {path.stat().st_mode & 0o077 for path in written} == {0}
    monkeypatch.setenv("CHURN_UMASK", "027")
    other = home.root.with_name("shared")
    assert run_churn(other, "keys", "create", "--name", "crm", "--scope", "read").returncode == 0
    assert (other / "state.sqlite").stat().st_mode & 0o777 == 0o640
    monkeypatch.setenv("CHURN_UMASK", "rw")
    done = run_churn(other, "keys", "list")
    assert done.returncode == 1
    assert "CHURN_UMASK=rw is not a file mode mask" in done.stderr


@pytest.mark.parametrize("name", ["[/red]", "[red]crm[/]", ":smile:", "[link=http://a]b[/link]"])
def test_brackets_in_a_name_are_words(home, run_churn, name):
    assert run_churn(home.root, "keys", "create", "--name", name, "--scope", "read").returncode == 0
    done = run_churn(home.root, "keys", "list")
    assert done.returncode == 0, done.stderr
    assert name in done.stdout
