"""How a run's model was made: written once, read whole or refused with file, key and reason."""

import json
from dataclasses import asdict
from datetime import date

import numpy as np
import pytest
from made_recipe import VERSION_1

from ml.artifacts import save_model
from ml.calibrate import Calibration
from ml.cohorts import RefusedError
from ml.recipe import RECIPE, RECIPE_VERSION, CalibrationMap, Recipe
from ml.score import score_cut_off
from pipeline.project.errors import ChurnError
from pipeline.runs.registry import find_run, recipe_of, settings_of, trained_run

# the code before champions wrote fewer keys
OLDEST = {
    key: value
    for key, value in VERSION_1.items()
    if key
    not in (
        "label_definition",
        "live_cohorts",
        "recipe_hash",
        "test_as_of_date",
        "test_cohorts",
        "train_rate",
        "tuned",
    )
}


@pytest.fixture
def keep(tmp_path):
    """A run's folder with a recipe: `keep(document)`, or any text."""

    def write(document):
        run = tmp_path / "ecommerce" / "ecommerce-2020-05-01-7b23fa59"
        run.mkdir(parents=True)
        text = document if isinstance(document, str) else json.dumps(document)
        (run / RECIPE).write_text(text)
        return run

    return write


class Trees:
    """Stands for a booster that is only written."""

    @staticmethod
    def model_to_string():
        return "trees"


def test_what_is_written_is_read_back_to_the_last_bit(tmp_path):
    numbers = np.random.default_rng(5).random(1_000)
    map_ = Calibration("isotonic", knots=tuple(np.sort(numbers)), levels=tuple(np.sort(numbers)))
    recipe = Recipe.model_validate_json(json.dumps(VERSION_1)).model_copy(
        update={
            "recipe_version": RECIPE_VERSION,
            "calibration": CalibrationMap(**asdict(map_)),
            "train_rate": float(numbers[7]),
        }
    )
    save_model(tmp_path, Trees, recipe)
    assert recipe_of(tmp_path) == recipe
    kept = Calibration.of(recipe_of(tmp_path).calibration)
    assert kept == map_
    assert np.array_equal(kept.apply(numbers), map_.apply(numbers))
    document = json.loads((tmp_path / RECIPE).read_text())
    assert document["recipe_version"] == RECIPE_VERSION
    # the keys that readers outside of Python know
    assert document.keys() == VERSION_1.keys() | {
        "recipe_version",
        "tested_on",
        "seeds",
        "level",
        "stayers",
    }
    assert document["usual"] == VERSION_1["usual"]
    assert document["live_cohorts"] == VERSION_1["live_cohorts"]


def test_a_recipe_of_the_code_before_versions_is_read(keep):
    run = keep(VERSION_1)
    recipe = recipe_of(run)
    assert recipe.recipe_version == 1
    assert recipe.reference_values == VERSION_1["usual"]
    assert recipe.live_cohorts == (date(2020, 3, 1), date(2020, 4, 1))
    assert recipe.bands == tuple(VERSION_1["bands"])
    assert recipe.tuned == {"max_depth": 4, "learning_rate": 0.05}
    assert settings_of(run).minimum.cohorts == 3


def test_a_still_older_recipe_is_read_and_does_not_score_what_it_cannot(keep, monkeypatch):
    run = trained_run(keep(OLDEST))
    assert run.recipe.label_definition == "no_order_h30_l90_m2"
    assert run.recipe.test_as_of_date is None
    assert (run.recipe.recipe_hash, run.recipe.tuned, run.recipe.live_cohorts) == ("", {}, ())

    class Cohort:
        features = run.recipe.features

        def __len__(self):
            return 1

        def keep(self, features):
            return self

    monkeypatch.setattr("ml.score.read_examples", lambda *a, **o: Cohort())
    with pytest.raises(RefusedError, match="does not name the cohorts"):
        score_cut_off(None, run, np.datetime64("2020-06-01"), run.folder)


@pytest.mark.parametrize(
    ("damage", "what", "where"),
    [
        ("{", "cannot be read", "recipe.json: Expecting"),
        ("", "cannot be read", "recipe.json: Expecting"),
        ("[]", "It is []", "recipe.json"),
        ({"bands": [0.9, 0.5]}, "The key 2 is missing", "recipe.json: bands[2]"),
        ({"train_rate": "high"}, 'train_rate is "high"; it should be a number', ": train_rate"),
        ({"live_cohorts": ["soon"]}, "it should be a day", ": live_cohorts[0]"),
        ({"calibration": {"method": "magic"}}, 'method is "magic"', ": calibration.method"),
        ({"usualy": {}}, "Unknown key 'usualy'", ": usualy"),
        ({"model_hash": None}, "model_hash is null; it should be text", ": model_hash"),
        ({"recipe_version": "two"}, "it should be a whole number", ": recipe_version"),
        ({"recipe_version": RECIPE_VERSION + 1}, "written by later code", "recipe_version 6"),
    ],
)
def test_a_damaged_recipe_is_refused_with_the_file_and_the_key(keep, damage, what, where):
    run = keep(damage if isinstance(damage, str) else VERSION_1 | damage)
    with pytest.raises(ChurnError) as refusal:
        recipe_of(run)
    assert what in refusal.value.what
    assert where in refusal.value.where
    assert str(run / RECIPE) in refusal.value.where
    assert refusal.value.hint


def test_a_missing_recipe_is_refused_with_the_file(tmp_path):
    with pytest.raises(ChurnError, match="cannot be read") as refusal:
        recipe_of(tmp_path)
    assert str(tmp_path / RECIPE) in refusal.value.where


def test_settings_that_a_run_recorded_are_checked(keep):
    recorded = VERSION_1["settings"] | {"minimum": {"rows": 500, "churners": 50, "cohort": 3}}
    run = keep(VERSION_1 | {"settings": recorded})
    assert recipe_of(run).settings == recorded
    with pytest.raises(ChurnError, match="Unknown key 'cohort'") as refusal:
        settings_of(run)
    assert refusal.value.where == f"{run / RECIPE}: settings.minimum.cohort"


def test_a_run_is_found_by_the_hash_of_its_model(keep, home):
    run = keep(VERSION_1)
    home.models.parent.mkdir(parents=True)
    home.models.symlink_to(run.parent.parent)
    assert find_run(home, "ecommerce", "fe81").name == run.name
