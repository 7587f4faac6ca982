"""The nine steps of the guide do what it prints, on a real PostgreSQL and a copy of the project."""

import json
import re
import shlex
import subprocess
import sys

import pytest
from made_till import load_made_till
from postgres_server import asks, database, postgres
from project_copy import environment, published

from pipeline.project.exit_codes import PUBLISHED, WARNED
from pipeline.project.home import PROJECT

__all__ = ["asks", "database", "postgres"]

GUIDE = PROJECT / "docs/your-own-domain.md"
CHURN = ".venv/bin/churn "
# What happens in the database before the first night.
A_DAY = (
    "insert into sales select max(id) + 1, 'b1', max(sold_on), min(card), 5, 1, max(updated_at) "
    "from sales",
    "update sales set total = 1, updated_at = (select max(updated_at) from sales) where id = 7",
    "delete from sales where id = (select max(id) - 1 from sales)",
)


def steps():
    """Each block of the nine steps: its command, and the lines that it prints."""
    section = GUIDE.read_text().partition("## In nine steps\n")[2].partition("\n## ")[0]
    assert len(re.findall(r"^\*\*\d\. ", section, re.MULTILINE)) == 9
    found = re.findall(r"```sh\n(.*?)```(?:\n\n```text\n(.*?)```)?", section, re.DOTALL)
    return [(command.replace("\\\n", " "), printed.splitlines()) for command, printed in found]


def kept_files(home):
    """The features of each cut-off and the frozen labels, by name."""
    return {
        path.relative_to(home.root).as_posix(): path.read_bytes()
        for folder in (home.root / "features", home.labels)
        for path in folder.rglob("20*.parquet")
    }


def squeezed(text):
    return " ".join(text.split())


def assert_printed(lines, said):
    """Each line is in what was said, in this order."""
    place = 0
    for line in lines:
        if line != "…":
            found = said.find(squeezed(line), place)
            assert found >= 0, f"not printed, or not in this order: {line}\n{said}"
            place = found + len(squeezed(line))


@pytest.mark.long
def test_tables_of_a_database_become_scores_and_the_next_night_reads_what_is_new(
    asks, database, project, home
):
    load_made_till(database)
    env = environment(project, home) | {"COLUMNS": "120"}
    blocks = steps()
    assert len(blocks) == 9
    assert blocks[0][0].startswith("export SHOP_DATABASE_URL=")
    env["SHOP_DATABASE_URL"] = database
    for command, printed in blocks[1:]:
        assert command.startswith(CHURN)
        if " nightly " in command:
            asks(*A_DAY)
            before = kept_files(home)
        done = subprocess.run(
            [sys.executable, "-m", "cli", *shlex.split(command.removeprefix(CHURN))],
            cwd=project,
            env=env,
            capture_output=True,
            text=True,
        )
        assert done.returncode in (PUBLISHED, WARNED), done.stdout + done.stderr
        said = squeezed(done.stdout).replace(str(home.root), "CHURN_HOME")
        assert_printed(printed, said)
        assert database not in done.stdout + done.stderr

    # what was known before a cut-off is what was known then, whatever became of a row
    after = kept_files(home)
    changed = {name for name in before if after.get(name) != before[name]}
    assert len(before) > 40
    # the new row is of the day before the newest cut-off
    assert {name.partition(".")[0] for name in changed} == {"features/till/2023-06-27"}
    scored, actions, _ = published(home, "till")
    assert scored == 677
    assert actions > 0
    assert json.loads((home.root / "status.json").read_text())["exit_code"] in (0, 4)
    assert database not in (project / "dbt_project.yml").read_text()
    told = b"".join(
        path.read_bytes()
        for path in home.root.rglob("*")
        if path.is_file() and path.suffix in (".json", ".yml", ".sql", ".log", ".sqlite")
    )
    assert database.encode() not in told


def test_a_line_that_is_not_printed_is_found():
    assert_printed(["a  b", "…", "d"], "a b c d")
    for lines in (["d", "a b"], ["e"]):
        with pytest.raises(AssertionError, match="not printed"):
            assert_printed(lines, "a b c d")
