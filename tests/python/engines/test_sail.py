"""Sail makes the rows that DuckDB makes, and what follows does not notice which it was."""

import json
import os
import shutil

import duckdb
import pytest
from engines import remote_server

from pipeline.engines.build import build_on, read_manifest_of
from pipeline.engines.environments import ENGINES
from pipeline.engines.exchange import files_of
from pipeline.labels.registry import entries
from pipeline.project.domains import domain_entries
from pipeline.project.duck import parquet_select
from pipeline.project.generations import current_file
from pipeline.project.home import Home
from pipeline.project.sources import source_tables
from pipeline.warehouse.dbt import dbt
from pipeline.warehouse.kept_features import note_lake_days
from pipeline.warehouse.row_comparison import columns_of, compare_rows

pytestmark = pytest.mark.slow
SAIL = ENGINES["sail"]
DOMAINS = tuple(domain_entries())


@pytest.fixture(autouse=True)
def sail():
    if not (SAIL.folder / "bin/dbt").exists():
        if os.environ.get("CHURN_NEEDS_SAIL"):
            pytest.fail("Sail is not installed")
        pytest.skip("Sail is not installed: make install-sail")


def assert_no_row_differs(done, domain):
    assert done.returncode == 0, done.stdout + done.stderr
    found = {row["model"]: row for row in json.loads(done.stdout)}
    assert {row["differing"] for row in found.values()} == {0}
    examples = found[f"{domain}__churn_examples"]
    assert examples["rows"] > 10_000
    # of the doubles hardly any differs at all
    assert examples["doubles_to_the_bit"] > 0.999 * examples["doubles"] > 0
    assert found[f"{domain}__labels"]["rows"] > 10_000


def compare(run_churn, home, domain):
    return run_churn(
        home.root, "engines", "compare", "--with", "sail", "--domain", domain, "--json"
    )


def test_no_row_of_any_model_differs(demo, run_churn):
    assert_no_row_differs(compare(run_churn, demo[0], "kkbox"), "kkbox")


@pytest.mark.long
def test_no_row_differs_on_a_cluster_that_sees_the_files_elsewhere(
    demo, run_churn, tmp_path, monkeypatch
):
    """Four workers, of a server that is named, and for which CHURN_HOME is another folder."""
    (tmp_path / "bucket").symlink_to(demo[0].root)
    monkeypatch.setenv("CHURN_ENGINE_SEES", f"{tmp_path}/bucket/")
    workers = {"WORKER_INITIAL_COUNT": "4", "WORKER_MAX_COUNT": "4", "WORKER_TASK_SLOTS": "64"}
    settings = {f"SAIL_CLUSTER__{name}": value for name, value in workers.items()}
    with remote_server("sail", tmp_path, SAIL_MODE="local-cluster", **settings) as url:
        monkeypatch.setenv("CHURN_ENGINE_URL", url)
        done = compare(run_churn, demo[0], "ecommerce")
    assert_no_row_differs(done, "ecommerce")


def checksums(home):
    return {
        (domain, entry.label_definition, entry.as_of_date): (entry.rows, entry.checksum)
        for domain in DOMAINS
        for entry in entries(home, domain)
    }


@pytest.fixture
def unbuilt(demo, home):
    """A home with the demo's lake and nothing made of it."""
    shutil.copytree(demo[0].lake, home.lake)
    return home


@pytest.mark.long
def test_a_build_on_sail_is_the_build(demo, unbuilt, run_churn):
    done = run_churn(unbuilt.root, "build", "--engine", "sail")
    assert done.returncode == 0, done.stdout + done.stderr
    told = " ".join(done.stdout.split())
    for domain in DOMAINS:
        assert f"{domain}: Sail made the features of " in told
    assert "differ" not in told
    assert checksums(unbuilt) == checksums(demo[0])
    for domain in DOMAINS:
        mart = f"{domain}.{domain}__churn_examples"
        with duckdb.connect(str(unbuilt.warehouse), read_only=True) as connection:
            connection.execute(f"attach '{demo[0].warehouse}' as demo (read_only)")
            columns = columns_of(connection, mart)
            key = ("customer_id", "as_of_date")
            found = compare_rows(connection, mart, f"demo.{mart}", mart, columns, key)
        assert (found.differing, found.columns) == (0, ())
    # nothing of the engine stays, and DuckDB has nothing left to do
    assert list(unbuilt.work.glob("engine_*")) == []
    again = run_churn(unbuilt.root, "build")
    assert "build: up to date" in again.stdout


@pytest.mark.long
def test_an_engine_that_dies_publishes_nothing_and_the_next_run_goes_on(demo_copy, run_churn):
    home, before = demo_copy, current_file(demo_copy)
    shutil.rmtree(home.features)
    home.warehouse.unlink()
    broken = home.root.parent / "broken"
    shutil.copytree(SAIL.folder / "bin", broken / "bin", symlinks=True)
    (broken / "bin/sail").unlink()
    # it answers once, and then no more
    (broken / "bin/sail").write_text(
        '#!/bin/sh\nexec python3 -c "import socket, sys; '
        "s = socket.create_server(('127.0.0.1', int(sys.argv[-1]))); s.accept()[0].close()\" "
        '"$@"\n'
    )
    (broken / "bin/sail").chmod(0o755)
    os.environ["CHURN_SAIL_ENV"] = str(broken)
    try:
        done = run_churn(home.root, "run", "--engine", "sail")
    finally:
        del os.environ["CHURN_SAIL_ENV"]
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Sail" in done.stderr
    assert "Traceback" not in done.stderr
    assert current_file(home) == before
    assert list(home.work.glob("engine_*")) == []
    done = run_churn(home.root, "run", "--engine", "sail")
    assert done.returncode == 0, done.stdout + done.stderr


def hide(home, domain, day, to):
    """A home whose lake has nothing of a domain from a day on."""
    hidden = Home(to)
    for table in source_tables(domain):
        column = table.event_day or table.event_time or table.known_from
        for path in sorted((home.lake / domain / table.name).rglob("*.parquet")):
            target = hidden.root / path.relative_to(home.root)
            target.parent.mkdir(parents=True, exist_ok=True)
            where = f"where {column} < date '{day}'" if column else ""
            duckdb.sql(
                f"copy (select * from read_parquet('{path}', hive_partitioning = false) {where}) "
                f"to '{target}' (format parquet)"
            )
    return hidden


def made_at(home, domain, day, folder, console):
    """The features of a domain at a cut-off, as Sail makes them: a select."""
    variables = {"as_of": {domain: day}}
    mart = f"{domain}__churn_examples"
    note_lake_days(home, [domain])
    dbt(
        home,
        "build",
        "--select",
        f"+{mart},resource_type:seed",
        "control__grids",
        variables=variables,
        console=console,
        title="seeds",
    )
    folder.mkdir()
    made = build_on(
        SAIL,
        home,
        [f"int_{domain}__features_joined"],
        read_manifest_of(home.dbt_target),
        folder,
        variables=variables,
        console=console,
    )
    with duckdb.connect() as connection:
        files = files_of(made.tables, f"int_{domain}__features_joined")
        described = {
            name: kind
            for name, kind, *_ in connection.execute(
                f"describe from read_parquet({list(map(str, files))})"
            ).fetchall()
        }
        rows = parquet_select(connection, files, described)
    return f"(select * from ({rows}) where as_of_date = date '{day}')", described


@pytest.mark.long
@pytest.mark.parametrize(
    ("domain", "day"),
    [
        ("ecommerce", "2019-12-01"),
        ("ecommerce", "2020-03-01"),
        ("kkbox", "2016-12-01"),
        ("kkbox", "2017-03-01"),
    ],
)
def test_features_on_sail_do_not_depend_on_what_comes_after(demo, tmp_path, console, domain, day):
    whole, _ = hide(demo[0], domain, "9999-01-01", tmp_path / "whole"), None
    hidden = hide(demo[0], domain, day, tmp_path / "hidden")
    ours, columns = made_at(whole, domain, day, tmp_path / "on_whole", console)
    theirs, _ = made_at(hidden, domain, day, tmp_path / "on_hidden", console)
    with duckdb.connect() as connection:
        found = compare_rows(connection, domain, ours, theirs, columns, ("customer_id",))
    assert found.rows > 100
    assert (found.differing, found.columns) == (0, ())
    assert found.doubles_to_the_bit == found.doubles
