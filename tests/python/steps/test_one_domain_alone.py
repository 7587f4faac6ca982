"""What befalls one domain stays with it: it keeps its published rows, and the other is published.

Faults are planted in KKBox; a customer of the shop is suppressed, so that there is something to
publish.
"""

import json
import shutil

import duckdb
import pytest
from one_domain import (
    OTHER,
    SHOP,
    assert_answers,
    assert_kept,
    assert_suppressed,
    newest_labels,
    rewrite,
    suppress_one,
)
from stored import hash_again

from pipeline import steps
from pipeline.labels.registry import check_files, entries
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.publish.generation import current
from pipeline.runs.context import RunContext
from pipeline.runs.registry import live_run
from pipeline.steps import publishing, training
from pipeline.warehouse import fingerprint
from pipeline.warehouse.dbt import DbtOutcome


def cut_short(home):
    path = newest_labels(home)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return 1, f"{path}: cannot be read; ", "were registered"


def a_damaged_lake(home):
    path = next((home.lake / OTHER).glob("transactions/*/**/*.parquet"))
    path.write_bytes(path.read_bytes()[:100])
    # another file than the build knows
    record = next(path for path in (home.lake / OTHER / "transactions").glob("*/_file.json"))
    record.write_text(json.dumps(json.loads(record.read_text()) | {"content_hash": "changed"}))
    return 1, "could not be built", str(path)


def one_label_twice(home):
    """As many rows as are registered, one of them twice: a test of the domain's folder fails."""
    rewrite(
        newest_labels(home),
        "select * from '{path}' where customer_id < (select max(customer_id) from '{path}') "
        "union all "
        "select * from '{path}' where customer_id = (select min(customer_id) from '{path}')",
    )
    return 1, "could not be built", "is_unique_by"


def other_features(home):
    """Scores of feature rows that the mart does not hold: they are looked at before a build."""
    folder = live_run(home, OTHER) / "scores"
    (path,) = folder.glob("*/scores.parquet")
    rewrite(path, "select * replace ('1' as feature_checksum) from '{path}'")
    return 3, "were made from other features", f"churn run --domain {OTHER}"


@pytest.mark.long  # the next test fails a run
@pytest.mark.parametrize(
    "plant",
    [cut_short, a_damaged_lake, other_features, one_label_twice],
    ids=lambda plant: plant.__name__,
)
def test_a_domain_that_fails_keeps_its_rows_and_the_other_is_published(demo_copy, run_churn, plant):
    home, before = demo_copy, current(demo_copy)
    customer = suppress_one(home)
    exit_code, *words = plant(home)
    # the files are those that the platform wrote, as far as their hashes tell
    hash_again(home)
    done = run_churn(home.root, "publish")
    assert done.returncode == exit_code, done.stdout + done.stderr
    told = "".join(done.stderr.split())
    for word in words:
        assert "".join(word.split()) in told
    after = current(home)
    assert after.name != before.name
    assert after.kept == (OTHER,)
    assert_suppressed(after, customer)
    assert_kept(before, after, OTHER)
    assert_answers(home, after, OTHER)


def test_a_failure_of_a_domain_that_was_not_asked_for_is_a_warning(demo_copy, run_churn):
    home, before = demo_copy, current(demo_copy)
    customer = suppress_one(home)
    cut_short(home)
    done = run_churn(home.root, "run", "--domain", SHOP)
    assert done.returncode == 4, done.stdout + done.stderr
    assert_suppressed(current(home), customer)
    assert_kept(before, current(home), OTHER)
    # what asks for the domain alone stops
    done = run_churn(home.root, "labels", "audit", "--domain", OTHER)
    assert done.returncode == 1
    assert "cannot be read" in " ".join(done.stderr.split())


def test_labels_that_are_cut_short_are_told_with_their_checksum_and_the_way_out(demo_copy):
    check_files(demo_copy, OTHER)
    path = newest_labels(demo_copy)
    cut_short(demo_copy)
    with pytest.raises(
        ChurnError, match="1 files of frozen labels of kkbox are damaged or lost"
    ) as told:
        check_files(demo_copy, OTHER)
    known = {
        (e.label_definition, f"{e.as_of_date}.v{e.label_version}"): e
        for e in entries(demo_copy, OTHER)
    }
    assert known["lapse", path.stem].checksum in told.value.where
    assert "Restore them from a backup" in told.value.hint
    check_files(demo_copy, SHOP)
    # the way out without a backup
    path.unlink()
    path.with_suffix(".json").unlink()
    check_files(demo_copy, OTHER)


def test_a_live_model_that_cannot_score_the_mart_refuses_the_domain(
    demo_copy, console, monkeypatch
):
    run = live_run(demo_copy, OTHER)
    recipe = json.loads((run / "recipe.json").read_text())
    recipe["features"][0] = "payment__gone"
    (run / "recipe.json").write_text(json.dumps(recipe))
    shutil.rmtree(run / "scores")
    hash_again(demo_copy)
    context = RunContext(demo_copy, (OTHER,), domain_entries(), {}, console)

    def refuse(*_):
        raise ChurnError("Training kkbox is refused.", exit_code=3)

    monkeypatch.setattr(training, "train", refuse)
    with pytest.raises(ChurnError, match="no longer built: payment__gone") as refused:
        steps.learn_and_score(context, OTHER)
    assert refused.value.exit_code == 3
    with pytest.raises(ChurnError, match="Training kkbox is refused"):
        # without a live model there is nothing to go on with
        (demo_copy.models / OTHER / "live_runs.parquet").unlink()
        steps.learn_and_score(context, OTHER)


@pytest.mark.parametrize("as_of", [{}, {OTHER: "2017-01-15"}])
def test_scores_made_from_other_features_than_are_built_are_not_published(
    demo_copy, console, monkeypatch, as_of
):
    other_features(demo_copy)
    hash_again(demo_copy)
    monkeypatch.setattr(publishing, "dbt_build", lambda *_, **__: DbtOutcome())
    context = RunContext(demo_copy, (OTHER,), domain_entries(), as_of, console)
    publishing._build_marts(context, "nothing")
    assert context.left_out == (OTHER,)
    told = " ".join(console.export_text().split())
    if as_of:
        assert "the warehouse holds the features of this study" in told
        assert context.exit_code == 0
    else:
        assert "2017-04-01 were made from other features" in told
        assert f"churn run --domain {OTHER}" in told
        assert context.exit_code == 3


def test_where_no_domain_can_be_published_all_keep_their_rows(demo_copy, console, monkeypatch):
    def damaged(*_):
        raise ChurnError("A file is damaged.")

    monkeypatch.setattr(publishing, "check_stored", damaged)
    monkeypatch.setattr(publishing, "dbt_build", lambda *_, **__: pytest.fail("called"))
    # nothing that was built before answers for it
    fingerprint.forget(demo_copy.warehouse, "marts")
    with duckdb.connect(str(demo_copy.warehouse)) as connection:
        connection.execute("drop schema serving cascade; drop schema churn cascade")
    context = RunContext(demo_copy, tuple(domain_entries()), domain_entries(), {}, console)
    assert steps.finish(context) == current(demo_copy)
    assert "no domain is published again" in console.export_text()
    assert context.exit_code == 1
