"""The state of any earlier version becomes today's on open, and a newer one is refused."""

import sqlite3
import subprocess
import sys
from contextlib import closing
from datetime import date

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from app.api.access import store
from app.batch import jobs
from pipeline.alerts import book
from pipeline.campaigns import tables as campaigns
from pipeline.project import state, state_sums
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT
from pipeline.retention import audit, decisions, drafts

MIGRATIONS = PROJECT / "pipeline" / "project" / "migrations"
# What the last version without steps wrote: its tables were made one by one, at their first use.
BEFORE_STEPS = """
create table suppressions (
    domain varchar not null, customer_id varchar not null, reason varchar not null,
    added_at datetime not null, primary key (domain, customer_id)
);
create table contacts (
    domain varchar not null, customer_id varchar not null, contacted_on date not null,
    action_id varchar not null, primary key (domain, customer_id, contacted_on, action_id)
);
create table plans (
    domain varchar not null, budget_cents bigint not null, holdout_per_mille integer,
    primary key (domain)
);
create table api_keys (
    id varchar not null, name varchar not null, hash varchar not null, scopes varchar not null,
    domains varchar not null, created_at datetime not null, expires_at datetime,
    revoked_at datetime, primary key (id)
);
insert into suppressions values ('shop', 'a', 'asked', '2026-01-01 00:00:00.000000');
insert into contacts values ('shop', 'b', '2026-01-02', 'coupon');
"""


@pytest.fixture
def old(home):
    """A home whose state is older than steps."""
    home.root.mkdir()
    with closing(sqlite3.connect(home.state)) as connection:
        connection.executescript(BEFORE_STEPS)
    return home


def tables(home):
    with closing(sqlite3.connect(home.state)) as connection:
        rows = connection.execute("select name from sqlite_master where type = 'table'").fetchall()
    return {row[0] for row in rows}


def version(home):
    with closing(sqlite3.connect(home.state)) as connection:
        return connection.execute("select version_num from alembic_version").fetchall()


def test_a_state_from_before_there_were_steps_keeps_its_rows_and_gets_todays_tables(old):
    assert decisions.suppress(old, "shop", [("c", "asked")]) == 1
    assert [row[1] for row in decisions.read_state(old, decisions.SUPPRESSIONS)] == ["a", "c"]
    assert decisions.read_state(old, decisions.CONTACTS) == [
        ("shop", "b", date(2026, 1, 2), "coupon")
    ]
    assert {"assignments", "lifted", "batch_jobs", "api_answers"} <= tables(old)
    assert version(old) == [(state.VERSIONS[-1],)]


def test_a_state_from_before_there_were_steps_is_read_as_todays(old):
    """A reader comes first as well: what it reads may have columns that the old state lacks."""
    assert decisions.read_state(old, decisions.PLANS) == []
    assert [row[1] for row in decisions.read_state(old, decisions.SUPPRESSIONS)] == ["a"]
    assert drafts.read_drafts(old, "shop") == []
    assert version(old) == [(state.VERSIONS[-1],)]


def test_a_state_of_steps_is_that_of_the_code(home):
    engine = state.open_state(home)
    with engine.connect() as connection:
        # the sums are no table of anybody's: they are made where a state is opened
        ours = MigrationContext.configure(
            connection, opts={"include_name": lambda name, *_: name != state_sums.SUMS}
        )
        code = [
            decisions.SUPPRESSIONS.metadata,
            drafts.DRAFTS.metadata,
            audit.METADATA,
            store.METADATA,
            jobs.METADATA,
            campaigns.METADATA,
            book.METADATA,
        ]
        found = compare_metadata(ours, code)
    engine.dispose()
    assert found == []


def test_the_code_knows_every_step_in_its_order():
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    steps = ScriptDirectory.from_config(config).walk_revisions()
    assert tuple(step.revision for step in steps)[::-1] == state.VERSIONS
    # a folder that is no package is not in the wheel
    assert all(
        (folder / "__init__.py").exists() for folder in (MIGRATIONS, MIGRATIONS / "versions")
    )


def test_a_step_that_fails_leaves_the_state_as_it_was(old):
    with closing(sqlite3.connect(old.state)) as connection:
        connection.execute("create table lifted (somebody_elses integer)")
    before = tables(old)
    with pytest.raises(sa.exc.OperationalError, match="lifted already exists"):
        state.open_state(old)
    assert tables(old) == before
    with closing(sqlite3.connect(old.state)) as connection:
        connection.execute("drop table lifted")
    state.open_state(old).dispose()
    assert version(old) == [(state.VERSIONS[-1],)]


def test_processes_that_open_an_old_state_at_once_upgrade_it_once(old):
    script = (
        "import sys; from pathlib import Path; from pipeline.project.home import Home; "
        "from pipeline.retention.decisions import suppress; "
        "print(suppress(Home(Path(sys.argv[1])), 'shop', [(sys.argv[2], 'asked')]))"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(old.root), f"new-{number}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(4)
    ]
    for process in running:
        told, problem = process.communicate(timeout=60)
        assert told == "1\n", problem
    assert len(decisions.read_state(old, decisions.SUPPRESSIONS)) == 5
    assert version(old) == [(state.VERSIONS[-1],)]


def test_a_state_of_a_newer_version_is_refused_in_words_and_stays_as_it_is(home):
    state.open_state(home).dispose()
    with closing(sqlite3.connect(home.state)) as connection:
        state_sums.register(connection)
        connection.execute("update alembic_version set version_num = '0999'")
        connection.commit()
    for use in (
        lambda: decisions.suppress(home, "shop", [("a", "asked")]),
        lambda: decisions.read_state(home, decisions.SUPPRESSIONS),
        lambda: jobs.Jobs(home),
    ):
        with pytest.raises(ChurnError, match=r"0999, and this one knows up to") as refused:
            use()
        assert "newer version" in refused.value.what and refused.value.hint
        assert refused.value.where == str(home.state)
    assert version(home) == [("0999",)]
