"""A model file that is not the one of its recipe scores nobody and judges nobody."""

import shutil

import pytest

from pipeline import steps
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.sums import write_sums
from pipeline.runs.context import RunContext
from pipeline.runs.evaluate import evaluate
from pipeline.runs.registry import check_model, live_run

DOMAIN = "kkbox"


@pytest.fixture
def context(demo_copy, console):
    entries = {name: entry.resolved() for name, entry in domain_entries().items()}
    return RunContext(demo_copy, (DOMAIN,), entries, {}, console)


def one_digit(path):
    """Another threshold: LightGBM reads the file without a word."""
    text = path.read_text()
    at = text.index("\nthreshold=") + len("\nthreshold=")
    path.write_text(f"{text[:at]}9{text[at:]}")


def cut_short(path):
    path.write_bytes(path.read_bytes()[:1000])


@pytest.mark.parametrize("damage", [one_digit, cut_short, lambda path: path.unlink()])
def test_a_damaged_model_scores_and_is_evaluated_in_words_only(context, damage):
    run = live_run(context.home, DOMAIN)
    steps.score(context, DOMAIN)
    scored = sorted((run / "scores").iterdir())
    damage(run / "model.txt")
    for work in (
        lambda: steps.score(context, DOMAIN),
        lambda: evaluate(context, DOMAIN, 1),
        lambda: check_model(run),
    ):
        with pytest.raises(ChurnError, match="does not match its recipe") as told:
            work()
        assert (str(run / "model.txt") in told.value.where, told.value.exit_code) == (True, 1)
    # a cut-off that is not scored yet, too
    shutil.rmtree(run / "scores")
    with pytest.raises(ChurnError, match="does not match its recipe"):
        steps.score(context, DOMAIN)
    assert scored and not (run / "scores").exists()


def test_a_new_model_takes_over_from_a_damaged_one_with_a_warning(context):
    live = live_run(context.home, DOMAIN)
    new = live.with_name(f"{live.name}-new")
    shutil.copytree(live, new)
    recipe = new / "recipe.json"
    recipe.write_text(recipe.read_text().replace(live.name, new.name))
    write_sums(new)
    one_digit(live / "model.txt")
    decision = steps.decide(context, DOMAIN, new)
    assert (decision.run_id, decision.rule) == (new.name, "not_comparable")
    assert context.exit_code == 4
    # a new one that is damaged itself does not
    one_digit(new / "model.txt")
    with pytest.raises(ChurnError, match="does not match its recipe"):
        steps.decide(context, DOMAIN, new)
