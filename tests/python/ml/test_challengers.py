"""The slot for models from outside."""

from dataclasses import replace

import numpy as np
import pytest
from made_examples import make_examples

from ml.challengers.slot import KNOWN, UnknownChallengerError, challenge, find_challenger
from ml.metrics import losses


class Rate:
    """The training rate for everybody."""

    def fit(self, values, outcome):
        self.rate = outcome.mean()

    def predict_proba(self, values):
        return np.tile([1 - self.rate, self.rate], (len(values), 1))


class Odd(Rate):
    """Returns values beyond 1."""

    def predict_proba(self, values):
        return super().predict_proba(values) + 1


class Mute:
    """Cannot be asked."""


@pytest.fixture(scope="module")
def data():
    return make_examples(3_000, 1), make_examples(2_000, 2)


def test_a_known_challenger_learns_from_nulls_and_beats_the_rate(data):
    train, cohort = data
    found = challenge(find_challenger("boosted"), train, cohort)
    assert np.isnan(cohort.values).any()
    rate = challenge(Rate, train, cohort)
    assert rate == pytest.approx(np.full(len(cohort), train.is_churned.mean()))
    assert losses(cohort.is_churned, found).mean() < losses(cohort.is_churned, rate).mean()
    assert np.array_equal(found, challenge(find_challenger("boosted"), train, cohort))


def test_columns_that_say_nothing_are_left_out(data):
    train, cohort = (
        replace(
            one,
            features=(*one.features, "a__nothing", "a__same"),
            values=np.column_stack([one.values, np.full(len(one), np.nan), np.full(len(one), 7.0)]),
            is_boolean=np.append(one.is_boolean, [False, False]),
        )
        for one in data
    )
    made = find_challenger("boosted")
    assert np.array_equal(challenge(made, train, cohort), challenge(made, *data))


def test_a_place_names_a_challenger():
    made = find_challenger("sklearn.naive_bayes:GaussianNB")
    assert made.__name__ == "GaussianNB"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("nobody", "known are boosted, catboost, tabpfn"),
        ("no.such.module:made", "cannot be loaded"),
        ("sklearn.naive_bayes:Nothing", "cannot be loaded"),
        ("builtins:dict", "has no fit and predict_proba"),
    ],
)
def test_what_is_no_challenger_is_refused_with_the_reason(name, told):
    with pytest.raises(UnknownChallengerError, match=told):
        find_challenger(name)


def test_a_package_that_is_not_installed_is_named(monkeypatch):
    monkeypatch.setitem(KNOWN, "absent", lambda: __import__("a_package_that_is_not_there"))
    with pytest.raises(UnknownChallengerError, match="a_package_that_is_not_there"):
        find_challenger("absent")


def test_what_is_no_probability_is_refused(data):
    with pytest.raises(ValueError, match="not probabilities"):
        challenge(Odd, *data)
