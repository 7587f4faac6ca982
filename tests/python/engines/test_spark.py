"""Spark makes the rows that DuckDB makes: its own session, and a server that is somewhere else."""

import json
import os
import subprocess

import pytest
from engines import remote_server

from pipeline.engines.environments import ENGINES
from pipeline.project.domains import domain_entries
from pipeline.project.home import PROJECT

pytestmark = pytest.mark.long


@pytest.fixture(autouse=True)
def spark():
    if not (ENGINES["spark"].folder / "bin/dbt").exists():
        if os.environ.get("CHURN_NEEDS_SPARK"):
            pytest.fail("Spark is not installed")
        pytest.skip("Spark is not installed: make install-spark")


def assert_no_row_differs(run_churn, home, domain):
    done = run_churn(
        home.root, "engines", "compare", "--with", "spark", "--domain", domain, "--json"
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = {row["model"]: row for row in json.loads(done.stdout)}
    assert {row["differing"] for row in found.values()} == {0}
    assert found[f"{domain}__labels"]["rows"] > 10_000
    assert found[f"{domain}__churn_examples"]["rows"] > 10_000


@pytest.mark.parametrize("domain", domain_entries())
def test_no_row_of_any_model_differs(demo, run_churn, domain):
    assert_no_row_differs(run_churn, demo[0], domain)


@pytest.mark.parametrize("protocol", ["sc", "thrift"])
def test_no_row_differs_on_a_server_elsewhere(demo, run_churn, tmp_path, monkeypatch, protocol):
    with remote_server("spark", tmp_path, protocol) as url:
        monkeypatch.setenv("CHURN_ENGINE_URL", url)
        assert_no_row_differs(run_churn, demo[0], "ecommerce")


def test_the_example_of_databricks_parses(tmp_path):
    done = subprocess.run(
        [
            ENGINES["spark"].program("dbt"),
            *("parse", "--target", "databricks", "--profiles-dir", PROJECT),
            *("--target-path", tmp_path / "target", "--log-path", tmp_path / "logs"),
        ],
        env=os.environ | {"CHURN_HOME": str(tmp_path)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
