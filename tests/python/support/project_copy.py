"""What tests ask of a copy of the project in which a command has made a domain."""

import os
import subprocess
import sys
from pathlib import Path

import duckdb

from pipeline.project.exit_codes import PUBLISHED, WARNED
from pipeline.publish.generation import current

_KINDS = ("models", "seeds", "macros", "docs")


def lines_of(project):
    """Lines of each file that a domain may add to."""
    found = [path for kind in _KINDS for path in (project / kind).rglob("*") if path.is_file()]
    texts = [path for path in (*found, project / "dbt_project.yml") if path.suffix != ".png"]
    return {path: len(path.read_text().splitlines()) for path in texts}


def churn(project, home, *arguments):
    """Run the command line of the copy; return what it printed."""
    done = _run([sys.executable, "-m", "cli", *map(str, arguments)], project, home)
    # days on which nobody bought are a warning where orders are all there is
    assert done.returncode in (PUBLISHED, WARNED), done.stdout + done.stderr
    return done.stdout


def published(home, domain):
    """Customers scored, actions, and the log loss of each model."""
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        scored, actions = connection.execute(
            "select count(*), count(recommended_action) from serving.crm_churn_actions "
            "where domain = ? and not is_deleted",
            [domain],
        ).fetchone()
        quality = dict(
            connection.execute(
                "select model, value from serving.bi_model_quality "
                "where domain = ? and split = 'test' and metric = 'log_loss'",
                [domain],
            ).fetchall()
        )
    return scored, actions, quality


def check_the_house(project, home, domain):
    """Run the linter of SQL and the tests of the house that look at every domain."""
    tools = Path(sys.executable).parent
    checks = (
        [tools / "sqlfluff", "lint", f"models/{domain}"],
        [
            *(tools / "pytest", "-q", "tests/python/house", "tests/python/warehouse/test_kinds.py"),
            *("tests/python/docs/test_dictionary.py", "tests/python/retention/test_catalogue.py"),
            "tests/python/warehouse/test_codes.py::"
            "test_every_text_column_is_guarded_or_is_said_to_be_an_id_or_words",
            "tests/python/warehouse/test_static_checks.py::"
            "test_every_model_says_its_grain_in_its_first_line",
            "tests/python/warehouse/test_static_checks.py::"
            "test_every_feature_has_a_unit_and_a_phrase",
        ],
    )
    for command in checks:
        done = _run(command, project, home)
        assert done.returncode == 0, done.stdout[-3_000:] + done.stderr[-2_000:]


def environment(project, home):
    """The environment of a command of the copy."""
    # demos that sessions share are those of one version of the code, and the copy is another
    own = {name: value for name, value in os.environ.items() if name != "CHURN_TEST_HOMES"}
    return own | {"CHURN_HOME": str(home.root), "PYTHONPATH": str(project)}


def _run(command, project, home):
    return subprocess.run(
        command,
        cwd=project,
        env=environment(project, home),
        capture_output=True,
        text=True,
    )
