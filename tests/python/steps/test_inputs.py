"""A publish builds what reads the sources that have changed, and that is all it had to."""

import json
import re

import duckdb
import pytest
from home_copy import copy_home
from published_rows import hashed, hashed_tables

from pipeline.project.home import Home
from pipeline.steps.inputs import STEP, changed_sources
from pipeline.warehouse import fingerprint

READ = {"rest": "a", "state.plans": "b", "state.contacts": "c"}


@pytest.mark.parametrize(
    ("now", "changed"),
    [
        (READ, []),
        (READ | {"state.plans": "x"}, ["state.plans"]),
        (READ | {"state.campaigns": "x"}, ["state.campaigns"]),
        ({"rest": "a", "state.plans": "x"}, ["state.contacts", "state.plans"]),
        (READ | {"rest": "x"}, None),
        (READ | {"rest": "x", "state.plans": "x"}, None),
    ],
)
def test_sources_that_differ_are_named_unless_more_does(now, changed):
    assert changed_sources(json.dumps(READ), now) == changed


def test_without_a_complete_build_before_everything_is_built():
    assert changed_sources(None, READ) is None


@pytest.mark.slow
def test_what_is_built_of_a_change_is_what_building_everything_gives(demo, tmp_path, run_churn):
    part, whole = (Home(tmp_path / name) for name in ("part", "whole"))
    asked = tmp_path / "asked.csv"
    with duckdb.connect(str(demo[0].published / "current.duckdb"), read_only=True) as published:
        treated = published.execute(
            "select customer_id from serving.crm_churn_actions "
            "where domain = 'kkbox' and decision = 'treat' order by 1 limit 3"
        ).fetchall()
    asked.write_text("customer_id,reason\n" + "".join(f"{one},asked\n" for (one,) in treated))
    said = {}
    for home in (part, whole):
        copy_home(demo[0].root, home.root)
        # what a publish changes is built once, so that the next one has only the change
        assert run_churn(home.root, "publish").returncode == 0
        done = run_churn(home.root, "suppress", "--domain", "kkbox", "--file", asked)
        assert done.returncode == 0, done.stdout + done.stderr
    fingerprint.forget(whole.warehouse, STEP)
    for home in (part, whole):
        # it publishes what it saves
        done = run_churn(home.root, "plan", "--domain", "ecommerce", "--budget", 700, "--save")
        assert done.returncode == 0, done.stdout + done.stderr
        words = " ".join((done.stdout + done.stderr).split())
        found = re.search(r"serving: (\d+) models and tests passed([^·]*)", words)
        assert found, words
        said[home] = found.groups()

    assert int(said[part][0]) < int(said[whole][0]) / 2
    assert "state.plans" in said[part][1]
    assert "state.suppressions" in said[part][1]
    assert "of what reads" not in said[whole][1]
    assert hashed_tables(part) == hashed_tables(whole)
    assert built(part) == built(whole)


def built(home):
    """By relation of the warehouse: how many rows, and the sum of their hashes."""
    with duckdb.connect(str(home.warehouse), read_only=True) as warehouse:
        tables = warehouse.execute(
            "select schema_name || '.' || table_name from duckdb_tables() "
            "where schema_name not in ('pipeline', 'state') order by 1"
        ).fetchall()
        return {table: hashed(warehouse, table) for (table,) in tables}
