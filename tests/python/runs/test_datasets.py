"""A frozen dataset is what it was, or is refused; training on it again gives the same model."""

import json

import duckdb
import pytest
from home_copy import copy_home

from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.runs.datasets import find_dataset
from pipeline.runs.registry import live_run


@pytest.fixture(scope="module")
def frozen(demo, tmp_path_factory, run_churn):
    """A copy of the demo with the dataset v1 of ecommerce frozen in it."""
    home = Home(tmp_path_factory.mktemp("frozen") / "home")
    copy_home(demo[0].root, home.root)
    done = run_churn(home.root, "dataset", "freeze", "v1", "--domain", "ecommerce")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


def test_a_dataset_says_what_it_is(frozen, run_churn):
    manifest = find_dataset(frozen, "v1").manifest
    with duckdb.connect(str(frozen.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select count(*) from ecommerce.ecommerce__churn_examples"
        ).fetchone()
    assert (manifest.rows,) == rows
    assert manifest.label_definition == "no_order_h30_l90_m2"
    assert set(manifest.files) >= {"examples.parquet", "labels.parquet", "features.sql"}
    listed = run_churn(frozen.root, "dataset", "list").stdout
    assert "ecommerce/v1" in listed


def test_a_name_is_given_once(frozen, run_churn):
    done = run_churn(frozen.root, "dataset", "freeze", "v1", "--domain", "ecommerce")
    assert done.returncode == 1
    assert "datasets never change" in " ".join(done.stderr.split())
    done = run_churn(frozen.root, "dataset", "freeze", "../v2", "--domain", "ecommerce")
    assert done.returncode == 1


def test_training_on_it_again_gives_the_model_that_scores(frozen, run_churn):
    done = run_churn(frozen.root, "dataset", "train", "v1")
    assert done.returncode == 0, done.stdout + done.stderr
    recipe = json.loads((live_run(frozen, "ecommerce") / "recipe.json").read_text())
    assert f"model {recipe['model_hash']}" in done.stdout
    assert "LightGBM" in done.stdout


def test_it_is_exported_as_parquet_or_csv(frozen, run_churn, tmp_path):
    for extra, file in (([], "examples.parquet"), (["--csv"], "examples.csv")):
        target = tmp_path / file
        done = run_churn(frozen.root, "dataset", "export", "ecommerce/v1", "--to", target, *extra)
        assert done.returncode == 0, done.stderr
        rows = duckdb.sql(f"select count(*) from '{target / file}'").fetchone()
        assert rows == (find_dataset(frozen, "v1").manifest.rows,)
        assert (target / "manifest.json").exists()
    again = run_churn(frozen.root, "dataset", "export", "v1", "--to", tmp_path / file)
    assert again.returncode == 1


def test_changed_data_are_refused(frozen):
    path = find_dataset(frozen, "v1").folder / "examples.parquet"
    data = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(data[:-1] + b"x")
    with pytest.raises(ChurnError, match="was changed or deleted"):
        find_dataset(frozen, "v1")
    path.write_bytes(data)
    with pytest.raises(ChurnError, match="'v9' does not name one dataset"):
        find_dataset(frozen, "v9")
