"""Whom to treat: found where customers differ, not found where they do not, worth what it says."""

import numpy as np
import pytest
from made_trials import PRICES, made_trial, true_worth

from ml.policy.kept import KeptPolicy, from_document, to_document
from ml.policy.learn import learn_policy
from ml.policy.trial import RandomisedTrial, folds_of
from ml.policy.worth import ContactPrices, best_actions, contributions, scores, worth_of


@pytest.fixture(scope="module")
def learned():
    trial, _ = made_trial(84_000, 1, differ=True)
    return learn_policy(trial, PRICES)


def test_a_quarter_who_are_worth_a_contact_are_found(learned):
    new, effect = made_trial(42_000, 2, differ=True)
    assert learned.finds_differences
    earned = true_worth(learned.choose(new.values), effect)
    best = true_worth(10 * effect > 0.15, effect)
    everybody = true_worth(np.ones(len(new)), effect)
    assert everybody < 0 < 0.6 * best < earned <= best


def test_what_it_is_worth_is_judged_on_customers_it_did_not_see(learned):
    trial, effect = made_trial(84_000, 1, differ=True)
    # of half of the customers, since the other half was not contacted
    truth = true_worth(learned.choose(trial.values), effect) / 2
    low, high = learned.worth.interval
    assert low < truth < high
    assert low > 0
    assert 0.15 < learned.worth.contacts < 0.4


def test_where_customers_do_not_differ_none_is_found():
    trial, _ = made_trial(42_000, 3, differ=False)
    learned = learn_policy(trial, PRICES)
    assert not learned.finds_differences
    assert learned.arms[learned.single] == "control"
    assert set(learned.choose(trial.values)) == {0}


def test_the_best_single_action_is_for_everybody_where_it_pays():
    trial, _ = made_trial(20_000, 4, differ=False)
    learned = learn_policy(trial, ContactPrices(0.0, 10.0))
    assert learned.arms[learned.single] == "mail"
    assert not learned.finds_differences
    assert set(learned.choose(trial.values)) == {1}


def test_two_fits_are_equal_to_the_last_bit():
    trial, _ = made_trial(8_000, 5, differ=True)
    documents = [to_document(learn_policy(trial, ContactPrices(0.01, 10.0))) for _ in range(2)]
    assert documents[0] == documents[1]


def test_a_kept_policy_chooses_as_the_one_that_was_learned(learned):
    new, _ = made_trial(5_000, 6, differ=True)
    new.values[::7, 1] = np.nan
    kept = from_document(KeptPolicy.model_validate(to_document(learned)))
    assert (kept.choose(new.values) == learned.choose(new.values)).all()
    assert kept.worth == learned.worth


def test_the_total_is_sales_less_contacts_less_sales_of_controls():
    trial = RandomisedTrial(
        ("x",),
        ("control", "a", "b"),
        np.zeros((8, 1)),
        np.array([0, 0, 1, 1, 1, 1, 2, 2]),
        np.array([1.0, 0, 1, 1, 0, 0, 1, 0]),
    )
    # a for the first six, b for nobody, the last two alone
    action = np.array([1, 1, 1, 1, 1, 0, 0, 0])
    worth = worth_of(contributions(trial, action, ContactPrices(0.5, 10.0)), 5 / 8)
    # two buyers and three contacts; one buyer of the controls, who are half as many as the arm
    assert worth.total == pytest.approx(20 - 1.5 - 2 * 10)


def test_scores_are_unbiased_whatever_the_rates_are():
    trial, effect = made_trial(200_000, 7, differ=False)
    for guess in (0.0, 0.3):
        earned = scores(trial, np.full((len(trial), 2), guess), PRICES)
        error = earned[:, 1].std() / len(trial) ** 0.5
        assert abs(earned[:, 1].mean() - (10 * effect.mean() - 0.15)) < 3 * error
    assert (earned[:, 0] == 0).all()


def test_an_action_has_to_pay_for_its_contact():
    rates = np.array([[0.01, 0.02, 0.026], [0.01, 0.024, 0.023], [0.01, 0.03, 0.01]])
    assert best_actions(rates, ContactPrices(0.15, 10.0)).tolist() == [2, 0, 1]


def test_folds_share_rare_outcomes_evenly():
    trial, _ = made_trial(20_000, 8, differ=False)
    fold = folds_of(trial, 5, 1)
    for arm in (0, 1):
        rows = (trial.arm == arm) & (trial.outcome == 1)
        counts = np.bincount(fold[rows], minlength=5)
        assert counts.max() - counts.min() <= 1


# Twenty trials, so that none is a lucky one.
@pytest.mark.long
@pytest.mark.parametrize("differ", [True, False])
def test_twenty_trials_are_learned_from_as_one_is(differ):
    earned, best, found = [], [], 0
    for seed in range(20):
        trial, _ = made_trial(84_000, 100 + seed, differ=differ)
        new, effect = made_trial(42_000, 200 + seed, differ=differ)
        learned = learn_policy(trial, PRICES)
        found += learned.finds_differences
        earned.append(true_worth(learned.choose(new.values), effect))
        best.append(true_worth(10 * effect > 0.15, effect))
    if differ:
        assert found >= 19
        assert sum(earned) > 0.7 * sum(best)
        assert min(earned) >= 0
    else:
        assert found <= 2
