"""Which run scores: judged on a cohort neither saw, kept on record, taken back by choice."""

import hashlib
import json
import shutil
from dataclasses import replace

import duckdb
import numpy as np
import pytest

from cli.models import context_of
from ml.artifacts import load_model
from ml.champion import decide
from ml.cohorts import choose_fits, read_cohorts
from ml.decision import Decision
from ml.learn import seeds_for
from ml.mart import read_usable
from ml.settings import TakeoverLimits
from ml.takeover import Shift
from ml.train import fit_forest
from pipeline import steps
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.runs.context import RunContext
from pipeline.runs.registry import (
    decisions,
    find_run,
    live_name,
    live_run,
    recipe_of,
    record,
    standing,
    trained_run,
)

SCORING = np.datetime64("2017-04-01")
ENTRY = domain_entries()["kkbox"].resolved()
LIMITS = ENTRY.guards.takeover
# for what the closed cohort alone decides
ANY = TakeoverLimits(mean_risk=10, rank_correlation=-1, moved_by=0.99, moved=1)


@pytest.fixture(scope="module")
def learned(demo):
    """The demo's KKBox examples and fits."""
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        fits = choose_fits(read_cohorts(connection, "kkbox"), SCORING, ENTRY)
        everything, usable, _ = read_usable(connection, "kkbox", fits, ENTRY)
    return everything.keep(usable), fits


@pytest.fixture(scope="module")
def trained(demo, learned):
    """Texts of the live and the test model by what changes the rows and how many more rounds."""
    examples, fits = learned
    # each seed of a model has as many trees
    trees = load_model(trained_run(live_run(demo[0], "kkbox")))[0].num_trees()
    live_rounds = trees // seeds_for(examples.cohorts(fits.live))
    made = {}

    def train(change, more_rounds):
        key = change.__name__, more_rounds
        if key not in made:
            changed = change(examples)
            rows = [changed.cohorts(cohorts) for cohorts in (fits.live, fits.refit)]
            made[key] = [
                fit_forest(one, live_rounds + more_rounds, seeds=seeds_for(one)).model_to_string()
                for one in rows
            ]
        return made[key]

    return train


def unchanged(examples):
    return examples


@pytest.fixture
def challenge(demo, learned, trained, tmp_path):
    """Judges a challenger, trained on what `change` makes of the rows, beside the live run."""
    examples, _ = learned
    champion = live_run(demo[0], "kkbox")

    def judge(change=unchanged, more_rounds=0, limits=ANY, accept=None, **recipe):
        folder = tmp_path / "challenger"
        shutil.copytree(champion, folder)
        live, text = trained(change, more_rounds)
        (folder / "model.txt").write_text(live)
        (folder / "test_model.txt").write_text(text)
        own = {
            "run_id": "challenger",
            "model_hash": hashlib.sha256(text.encode()).hexdigest(),
            "features": list(examples.features),
        }
        kept = json.loads((champion / "recipe.json").read_text()) | own | recipe
        (folder / "recipe.json").write_text(json.dumps(kept))
        with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
            runs = trained_run(champion), trained_run(folder)
            return decide(connection, *runs, SCORING, limits, accept)

    return judge


def shuffled(examples):
    generator = np.random.default_rng(3)
    outcome = examples.is_churned.copy()
    for day in np.unique(examples.as_of_date):
        at = np.flatnonzero(examples.as_of_date == day)
        outcome[at] = outcome[generator.permutation(at)]
    return replace(examples, is_churned=outcome)


@pytest.mark.parametrize(
    "recipe_hash", [pytest.param("another recipe", marks=pytest.mark.long), None]
)
def test_a_challenger_trained_on_shuffled_labels_is_refused_with_what_it_lost(
    demo, challenge, recipe_hash
):
    recipe = {"recipe_hash": recipe_hash} if recipe_hash else {}
    decision = challenge(shuffled, **recipe)
    assert decision.run_id == live_name(demo[0], "kkbox")
    assert decision.gain < -1.96 * decision.gain_se < 0
    assert f"loses {-decision.gain:.4f} of log loss" in decision.words
    assert "2017-01-01 to 2017-01-16, which neither model saw" in decision.words
    assert decision.rule == ("changed" if recipe_hash else "refreshed")


def test_a_refreshed_recipe_takes_over_within_noise_and_a_changed_one_does_not(challenge, tmp_path):
    refreshed = challenge(more_rounds=3)
    assert refreshed.run_id == "challenger"
    assert refreshed.rule == "refreshed"
    shutil.rmtree(tmp_path / "challenger")
    changed = challenge(more_rounds=3, recipe_hash="another recipe")
    assert changed.run_id != "challenger"
    assert changed.gain == refreshed.gain
    assert "not better beyond noise" in changed.words


def test_a_changed_recipe_that_is_better_beyond_noise_takes_over(demo, challenge, tmp_path):
    """The other way round: the demo's recipe against a champion that learned nothing."""
    champion = live_run(demo[0], "kkbox")
    worse = challenge(shuffled, recipe_hash="another recipe")
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        turned = decide(
            connection, trained_run(tmp_path / "challenger"), trained_run(champion), SCORING, ANY
        )
    assert turned.run_id == champion.name
    assert turned.gain == pytest.approx(-worse.gain)
    assert turned.gain > 1.96 * turned.gain_se


def everybody_left_lately(learned):
    """A broken month: in the cohorts that only the live model learns from, everybody left."""
    _, fits = learned
    late = [np.datetime64(day) for day in fits.live if day not in fits.refit]

    def broken(examples):
        outcome = examples.is_churned.copy()
        outcome[np.isin(examples.as_of_date, late)] = 1
        return replace(examples, is_churned=outcome)

    return broken


def test_a_model_that_learned_a_broken_month_is_held_back_with_the_figures(
    demo, challenge, learned
):
    """The test model learned nothing of that month, so the closed cohort shows nothing."""
    decision = challenge(everybody_left_lately(learned), limits=LIMITS)
    assert decision.run_id == live_name(demo[0], "kkbox")
    assert (decision.rule, decision.challenger_run_id) == ("held_back", "challenger")
    assert "not worse beyond noise" in decision.words
    assert "the mean risk goes from 0." in decision.words
    assert decision.words.endswith(" on the customers scored at 2017-04-01")


def test_a_model_beyond_the_limits_takes_over_for_a_reason_that_is_kept(challenge, learned):
    decision = challenge(everybody_left_lately(learned), limits=LIMITS, accept="it was a strike")
    assert (decision.run_id, decision.rule) == ("challenger", "accepted")
    assert decision.words.endswith("accepted: it was a strike")


def test_a_refreshed_model_says_how_its_scores_differ(challenge):
    decision = challenge(limits=LIMITS)
    assert (decision.run_id, decision.rule) == ("challenger", "refreshed")
    assert "customers scored at 2017-04-01 the mean risk goes from" in decision.words


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (lambda p: p * 1.29, None),
        (lambda p: p * 1.31, "the mean risk goes from"),
        (lambda p: p[::-1], "the rank correlation is -1.00 (limit 0.60)"),
        (lambda p: p + np.where(p < 0.1, 0.21, -0.05), "move by more than 0.20 (limit 20%)"),
    ],
)
def test_each_limit_of_a_takeover_is_looked_at(after, words):
    before = np.linspace(0.01, 0.4, 100)
    found = Shift.of(SCORING, before, after(before), 0.2).beyond(LIMITS)
    assert any(words in one for one in found) if words else found == []


def test_neither_model_saw_the_cohort_it_is_judged_on(demo, challenge):
    """The live model of the same data has seen it: its test model stands for it."""
    champion = recipe_of(live_run(demo[0], "kkbox"))
    assert champion.test_as_of_date in champion.live_cohorts
    decision = challenge(recipe_hash="another recipe")
    assert decision.judged_on == str(champion.test_as_of_date)
    figures = live_run(demo[0], "kkbox") / "metrics.parquet"
    ((tested,),) = duckdb.sql(
        f"select value from '{figures}' "
        "where model = 'lightgbm' and split = 'test' and metric = 'log_loss'"
    ).fetchall()
    assert decision.champion_log_loss == pytest.approx(tested, abs=1e-12)


def test_another_definition_of_churn_is_not_compared(demo, challenge):
    decision = challenge(label_definition="kaggle_rule")
    assert (decision.run_id, decision.rule) == ("challenger", "not_comparable")
    assert decision.gain is None


def test_a_decision_stands_until_something_else_is_live(home):
    record(home, "kkbox", Decision("a", "a", "first", "the first model"))
    record(home, "kkbox", Decision("a", "b", "refreshed", "worse"))
    assert live_name(home, "kkbox") == "a"
    assert standing(home, "kkbox", "b").words == "worse"
    record(home, "kkbox", Decision("c", "a", "promoted", "by choice"))
    assert live_name(home, "kkbox") == "c"
    assert standing(home, "kkbox", "b") is None
    assert standing(home, "kkbox", "a").rule == "promoted"
    assert [row.number for row in decisions(home, "kkbox")] == [1, 2, 3]


def test_the_live_run_is_no_challenger_of_itself(demo, console):
    home, _ = demo
    live = live_name(home, "kkbox")
    context = RunContext(home, ("kkbox",), {"kkbox": ENTRY}, {}, console)
    assert steps.decide(context, "kkbox", home.models / "kkbox" / live) is None


def test_a_model_is_found_by_the_first_characters_of_its_hash(demo):
    home, _ = demo
    run = live_run(home, "kkbox")
    assert find_run(home, "kkbox", recipe_of(run).model_hash[:10]) == run
    with pytest.raises(ChurnError, match="No model of kkbox"):
        find_run(home, "kkbox", "zzz")


def test_another_model_plans_with_the_budget_of_today(demo, monkeypatch):
    """A run records what it learned from, not what the plan may spend."""
    home, _ = demo
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    live = live_name(home, "kkbox")
    assert "retention" not in recipe_of(home.models / "kkbox" / live).settings
    assert context_of("kkbox", live).entries["kkbox"].retention == ENTRY.retention


@pytest.mark.long
def test_a_changed_recipe_is_promoted_rolled_back_and_stays_so(demo_copy, run_churn):
    """Tuned parameters that are worse: the run refuses them, a person takes them and goes back."""
    home = demo_copy
    first = live_name(home, "ecommerce")
    tuned = {"parameters": {"max_depth": 3, "num_leaves": 2, "learning_rate": 0.03}}
    (home.models / "ecommerce" / "tuned.json").write_text(json.dumps(tuned))

    def call(*arguments):
        done = run_churn(home.root, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        return " ".join(done.stdout.split())

    shown = call("run", "--domain", "ecommerce")
    assert f"{first} keeps scoring" in shown
    assert "not better beyond noise" in shown
    assert live_name(home, "ecommerce") == first
    (other,) = [
        path.parent.name
        for path in (home.models / "ecommerce").glob("*/recipe.json")
        if path.parent.name != first
    ]
    digest = recipe_of(home.models / "ecommerce" / other).model_hash
    call("models", "promote", digest[:12], "--domain", "ecommerce")
    assert live_name(home, "ecommerce") == other
    call("models", "rollback", "--domain", "ecommerce")
    assert live_name(home, "ecommerce") == first
    call("run", "--domain", "ecommerce")
    assert live_name(home, "ecommerce") == first
    listed = call("models", "list", "--domain", "ecommerce")
    assert digest[:12] in listed
    assert "rolled back" in call("models", "show", digest[:12], "--domain", "ecommerce")
