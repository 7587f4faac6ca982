"""The published tables in PostgreSQL: whole or not at all, with what others built on them."""

import os
import signal
import subprocess
import sys
import time

import duckdb
import pytest

from pipeline.destinations.postgres import sync
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import WARNED
from pipeline.project.generations import name_current
from pipeline.publish.generation import current

SERVING = "serving"


def published(home, sql):
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture
def publishes(demo_copy):
    """A function that publishes the demo again after some SQL, under the next name."""
    count = iter(range(1, 100))

    def publish(*statements):
        live = current(demo_copy)
        name = f"churn_209901{next(count):02}T000000000000_0a0b0c0d"
        path = live.path.with_name(f"{name}.duckdb")
        path.write_bytes(live.path.read_bytes())
        document = live.path.with_suffix(".json").read_text()
        path.with_suffix(".json").write_text(document.replace(live.name, name))
        with duckdb.connect(str(path)) as connection:
            for statement in statements:
                connection.execute(statement)
        name_current(demo_copy, name)
        return name

    return publish


def test_every_table_is_there_with_the_same_rows_and_its_descriptions(
    demo_copy, database, asks, tmp_path
):
    done = sync(demo_copy, database)
    counted = "select table_name, estimated_size from duckdb_tables() where schema_name = 'serving'"
    assert done.rows == dict(published(demo_copy, counted))
    assert done.rejected == []
    for table in ("bi_customer_360", "crm_churn_actions", "bi_domains", "bi_codes"):
        columns = [
            name
            for (name,) in published(
                demo_copy,
                f"select column_name from duckdb_columns() where table_name = '{table}' "
                "order by column_index",
            )
        ]
        listed = ", ".join(f'"{name}"' for name in columns)
        there = asks(f"select {listed} from serving.{table}")
        # microseconds, to the last digit of a double
        assert sorted(map(repr, there)) == sorted(
            map(repr, published(demo_copy, f"select {listed} from serving.{table}"))
        )
    ((words,),) = asks("select obj_description('serving.bi_customer_360'::regclass)")
    assert words.startswith("One row per domain and customer of the scored cohort")
    ((words,),) = asks("select col_description('serving.bi_customer_360'::regclass, 1)")
    assert words == "Domain, described in bi_domains."
    ((bare,),) = asks(
        "select count(*) from pg_views as v cross join lateral (select attnum from pg_attribute "
        "where attrelid = ('serving.' || quote_ident(viewname))::regclass and attnum > 0) as a "
        "where schemaname = 'serving' and "
        "col_description(('serving.' || quote_ident(viewname))::regclass, attnum) is null "
        "and viewname <> 'crm_churn_changes'"
    )
    assert bare == 0


def test_a_view_and_a_grant_of_somebody_else_survive_the_next_generation(
    demo_copy, database, asks, publishes
):
    sync(demo_copy, database)
    asks(
        "create role analyst login",
        "create schema mine",
        "create view mine.risky as select customer_id, churn_probability from "
        "serving.bi_churn_risk where churn_probability > 0.5",
        "grant usage on schema serving, mine to analyst",
        "grant select on serving.bi_churn_risk, mine.risky to analyst",
    )
    before = asks("select count(*) from mine.risky", user="analyst")
    publishes("delete from serving.bi_churn_risk where churn_probability > 0.5")
    sync(demo_copy, database)
    assert before[0][0] > 0
    assert asks("select count(*) from mine.risky", user="analyst") == [(0,)]
    assert asks("select count(*) > 0 from serving.bi_churn_risk", user="analyst") == [(True,)]


def test_a_column_that_goes_comes_or_changes_its_type_breaks_no_view(
    demo_copy, database, asks, publishes
):
    sync(demo_copy, database)
    asks(
        "create view public.mine as select customer_id, summary, risk_rank "
        "from serving.bi_customer_360"
    )
    publishes(
        "alter table serving.bi_customer_360 drop column summary",
        "alter table serving.bi_customer_360 add column mood varchar default 'calm'",
        "alter table serving.bi_customer_360 alter column risk_rank type varchar",
    )
    done = sync(demo_copy, database)
    assert asks("select count(*), count(summary), min(pg_typeof(risk_rank)::text) from public.mine")
    ((rows, summaries, kind),) = asks(
        "select count(*), count(summary), min(pg_typeof(risk_rank)::text) from public.mine"
    )
    assert rows > 0 and summaries == 0 and kind == "bigint"
    assert asks("select distinct mood from serving.bi_customer_360") == [("calm",)]
    told = "; ".join(done.notes)
    assert "bi_customer_360.summary" in told and "bi_customer_360.risk_rank" in told
    # and back again
    publishes("alter table serving.bi_customer_360 add column summary varchar default 'short'")
    sync(demo_copy, database)
    assert asks("select distinct summary from public.mine") == [("short",)]


def test_readers_see_the_views_and_not_what_lies_behind(demo_copy, database, asks):
    sync(demo_copy, database)
    role = f"bi_{os.urandom(4).hex()}"
    asks(f"create role {role} login in role churn_reader")
    assert asks("select count(*) > 0 from serving.bi_churn_risk", user=role) == [(True,)]
    schema = current(demo_copy).name.lower()
    with pytest.raises(Exception, match="permission denied"):
        asks(f"select count(*) from {schema}.bi_churn_risk", user=role)


def test_a_user_who_may_not_create_roles_is_told(demo_copy, database, asks):
    ((exists,),) = asks("select count(*) from pg_roles where rolname = 'churn_reader'")
    if exists:
        asks("alter role churn_reader rename to churn_reader_kept")
    try:
        user = f"loader_{os.urandom(4).hex()}"
        asks(f"create role {user} login", f"grant create on database {name_of(database)} to {user}")
        done = sync(demo_copy, database.replace("owner@", f"{user}@"))
        assert any("create role churn_reader nologin" in note for note in done.notes)
        assert asks("select count(*) > 0 from serving.bi_churn_risk") == [(True,)]
    finally:
        if exists:
            asks("alter role churn_reader_kept rename to churn_reader")


def name_of(database):
    return database.rpartition("/")[2]


def test_changes_of_the_crm_rows_are_told_by_sync(demo_copy, database, asks, publishes):
    first = sync(demo_copy, database)
    assert first.changes["new"] > 0 and first.changes["changed"] == first.changes["gone"] == 0
    ((gone,), (changed,)) = published(
        demo_copy,
        "select customer_id from serving.crm_churn_actions where domain = 'kkbox' "
        "order by customer_id limit 2",
    )
    publishes(
        f"delete from serving.crm_churn_actions where customer_id = '{gone}'",
        f"update serving.crm_churn_actions set row_hash = 'other' where customer_id = '{changed}'",
    )
    second = sync(demo_copy, database)
    assert second.changes == {"new": 0, "changed": 1, "gone": 1}
    assert asks(
        "select customer_id, change from serving.crm_churn_changes where sync_id = 2 order by 2"
    ) == [(changed, "changed"), (gone, "gone")]
    assert asks("select sync_id, crm_changes from churn_sync.syncs order by 1") == [
        (1, first.changes["new"]),
        (2, 2),
    ]


def test_a_dry_run_says_what_would_change_and_writes_nothing(demo_copy, database, asks, publishes):
    would = sync(demo_copy, database, dry_run=True)
    assert asks("select count(*) from pg_namespace where nspname in ('serving', 'churn_sync')") == [
        (0,)
    ]
    did = sync(demo_copy, database)
    assert (would.rows, would.changes, would.notes) == (did.rows, did.changes, did.notes)
    publishes("alter table serving.bi_customer_360 drop column summary")
    again = sync(demo_copy, database, dry_run=True)
    assert again.changes == {"new": 0, "changed": 0, "gone": 0}
    assert any("summary" in note for note in again.notes)
    assert asks("select count(*) from churn_sync.syncs") == [(1,)]


def test_a_row_that_postgres_cannot_hold_is_left_out_and_named(
    demo_copy, database, asks, publishes
):
    publishes(
        "update serving.bi_customer_360 set summary = 'a' || chr(0) || 'b' where customer_id = "
        "(select min(customer_id) from serving.bi_customer_360)"
    )
    done = sync(demo_copy, database)
    ((table, key, reason),) = done.rejected
    assert table == "bi_customer_360" and "customer_id" in key and "null byte" in reason
    assert asks("select table_name, key, reason from churn_sync.rejected_rows") == [
        (table, key, reason)
    ]
    ((rows,),) = asks("select count(*) from serving.bi_customer_360")
    ((all_rows,),) = published(demo_copy, "select count(*) from serving.bi_customer_360")
    assert rows == all_rows - 1


def test_the_same_generation_is_brought_once_and_old_ones_go(demo_copy, database, asks, publishes):
    sync(demo_copy, database)
    assert sync(demo_copy, database).is_there
    names = []
    for _ in range(3):
        names.append(publishes())
        sync(demo_copy, database)
    kept = asks("select nspname::text from pg_namespace where nspname like 'churn\\_2%' order by 1")
    assert kept == [(name.lower(),) for name in names[-2:]]


def test_an_older_generation_that_is_current_again_is_read_again(
    demo_copy, database, asks, publishes
):
    sync(demo_copy, database)
    older, ((rows,),) = current(demo_copy).name, asks("select count(*) from serving.bi_churn_risk")
    publishes("delete from serving.bi_churn_risk")
    sync(demo_copy, database)
    name_current(demo_copy, older)
    assert not sync(demo_copy, database).is_there
    assert asks("select count(*) from serving.bi_churn_risk") == [(rows,)]
    assert sync(demo_copy, database).is_there


def test_an_old_generation_that_somebody_reads_stays_and_is_told(
    demo_copy, database, asks, publishes
):
    sync(demo_copy, database)
    first = current(demo_copy).name.lower()
    asks(f"create view public.mine as select * from {first}.bi_codes")
    for _ in range(2):
        publishes()
        done = sync(demo_copy, database)
    assert any(first in note for note in done.notes)
    assert asks("select count(*) > 0 from public.mine") == [(True,)]


KILLED = """
import os, signal, sys
from pathlib import Path
from pipeline.destinations import postgres
from pipeline.project.home import Home
describe = postgres._describe
def die(*given):
    describe(*given)
    print("copied", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
postgres._describe = die
postgres.sync(Home(Path(sys.argv[1])), sys.argv[2])
"""


def test_a_sync_that_is_killed_in_the_middle_leaves_the_generation_before(
    demo_copy, database, asks, publishes
):
    sync(demo_copy, database)
    before = asks("select count(*) from serving.bi_churn_risk")
    publishes("delete from serving.bi_churn_risk")
    dead = subprocess.run(
        [sys.executable, "-c", KILLED, demo_copy.root, database],
        capture_output=True,
        text=True,
        check=False,
    )
    assert dead.returncode == -signal.SIGKILL and "copied" in dead.stdout, dead.stderr
    assert asks("select count(*) from serving.bi_churn_risk") == before
    assert asks("select count(*) from churn_sync.syncs") == [(1,)]
    for _ in range(50):  # the server notices that the client is gone
        if asks("select count(*) from pg_namespace where nspname like 'churn\\_2099%'") == [(0,)]:
            break
        time.sleep(0.1)
    sync(demo_copy, database)
    assert asks("select count(*) from serving.bi_churn_risk") == [(0,)]


def test_a_table_of_somebody_else_is_not_touched(demo_copy, database, asks):
    asks("create schema serving", "create table serving.bi_codes (mine text)")
    with pytest.raises(ChurnError, match=r"serving\.bi_codes that is not a view"):
        sync(demo_copy, database)
    assert asks("select count(*) from serving.bi_codes") == [(0,)]
    assert asks("select count(*) from pg_views where schemaname = 'serving'") == [(0,)]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("mysql://a:secret@h/d", "not known"),
        ("mysql://h/d?password=secret", "not known"),
        ("host=h user=a password=secret", "not known"),
        ("postgresql://owner@127.0.0.1:1/none?password=secret", "cannot be reached"),
        ("postgresql://owner:secret@127.0.0.1:1/none", "cannot be reached"),
    ],
)
def test_an_address_that_does_not_work_is_told_without_its_password(demo_copy, address, words):
    with pytest.raises(ChurnError, match=words) as raised:
        sync(demo_copy, address)
    error = raised.value
    assert "secret" not in f"{error.what} {error.where} {error.hint}"


@pytest.mark.slow
def test_a_publish_brings_the_tables_and_a_database_that_fails_stops_nothing(
    demo_copy, database, asks, run_churn
):
    before = current(demo_copy).name
    dry = run_churn(demo_copy.root, "publish", "--to", database, "--dry-run")
    assert dry.returncode == 0 and "would get" in dry.stdout
    assert current(demo_copy).name == before
    nobody = "postgresql://owner:secret@127.0.0.1:1/none"
    done = run_churn(demo_copy.root, "publish", "--to", nobody, "--to", database)
    assert done.returncode == WARNED, done.stdout + done.stderr
    assert "cannot be reached" in done.stdout + done.stderr
    assert "secret" not in done.stdout + done.stderr
    assert asks("select generation from churn_sync.syncs") == [(current(demo_copy).name,)]
    night = max(demo_copy.nights.glob("*.json")).read_text()
    assert "has not been brought up to date" in night and "secret" not in night


def test_a_dry_run_needs_a_destination(home, run_churn):
    done = run_churn(home.root, "publish", "--dry-run")
    assert done.returncode == 1 and "--to" in done.stderr
