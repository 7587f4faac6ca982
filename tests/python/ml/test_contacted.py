"""Learning and judging without customers whom contacts may have changed: a world that is known."""

from types import SimpleNamespace

import duckdb
import numpy as np
import pytest
from contact_world import ContactWorld, contact_spans
from made_examples import make_examples

from ml import train
from ml.calibrate import METHODS, PastMargins, choose, fit_map
from ml.cohorts import TooLittleDataError, choose_fits, read_cohorts
from ml.compare import PairedGain
from ml.contacted import counted, without_contacted
from ml.evaluation import lead
from ml.evaluation.splits import gains, quality, reliability_curve
from ml.learn import digest_of_learned
from ml.metrics import figures, losses
from ml.settings import LearningSettings
from ml.train import PARAMETERS
from pipeline.corrections import variants
from pipeline.corrections.judge import TrialData


def probability(world, examples, days):
    model = train.fit(examples.cohorts(days), 250)
    return 1 / (1 + np.exp(-train.margin(model, world.examples)))


def test_contacts_that_save_many_do_not_make_those_contacted_look_safe():
    """Sixty in a hundred of those who would leave are kept: without the rule they look safe."""
    world = ContactWorld()
    ruled = without_contacted(world.examples, world.contacted)
    past, newest = world.days[:-2], world.days[-2:]
    later = np.isin(world.examples.as_of_date, newest)
    risky = later & world.is_risky
    truth = world.untreated[risky].mean()

    naive = probability(world, world.examples, past)
    by_rule = probability(world, ruled, past)
    error = np.sqrt(truth * (1 - truth) / risky.sum())
    assert naive[risky].mean() < 0.75 * truth
    assert by_rule[risky].mean() == pytest.approx(truth, abs=4 * error)
    # and the evidence says so: who was held out stands for everybody whom the plan chose
    judged = ruled.cohorts(newest)
    of = dict(zip(world.examples.customer_id, range(len(later)), strict=True))
    rows = [of[one] for one in judged.customer_id]
    for p, is_right in ((by_rule, True), (naive, False)):
        told = {
            one.metric: one for one in figures(judged.is_churned, p[rows], weight=judged.weight)
        }
        level = told["observed_to_expected"]
        assert (level.ci_low < 1 < level.ci_high) is is_right
    # the cohort is whole: as many rows stand for it as there were
    assert judged.weight.sum() == pytest.approx(later.sum(), rel=0.05)


def test_without_contacts_examples_are_the_same_object():
    quiet = ContactWorld(2, 200, acted=False)
    assert quiet.contacted is None
    assert without_contacted(quiet.examples, quiet.contacted) is quiet.examples
    # nor do contacts of other cut-offs change those that are read
    world = ContactWorld(2, 200)
    other = make_examples(500, 1)
    assert without_contacted(other, world.contacted) is other


def test_contacts_outside_plans_are_left_out_of_one_fit_and_kept_in_the_other():
    world = ContactWorld(2, 2000, plan=False)
    alone = without_contacted(world.examples, world.contacted)
    beside = without_contacted(world.examples, world.contacted, keep_outside=True)
    assert beside is world.examples
    assert alone.weight is None
    (row,) = counted(world.examples, world.contacted).itertuples()
    assert (row.reason, row.rows) == ("outside_plan", len(beside) - len(alone))
    by_plan = ContactWorld(2, 2000)
    told = counted(by_plan.examples, by_plan.contacted).set_index("reason")
    assert list(told.index) == ["control_of_plan", "treated_by_plan"]
    assert told.loc["treated_by_plan", "stand_for"] == 0
    assert told.loc["control_of_plan", "stand_for"] == pytest.approx(told["rows"].sum(), rel=0.1)


SETTINGS = {
    "label_definition": "x",
    "grid": "week",
    "minimum": {"rows": 100, "churners": 50, "cohorts": 2},
    "alarms": {"single_feature_auc": 0.99},
    "baselines": {
        "logistic": {"features": "all"},
        "rule": {"groups": ["use__a"]},
        "base_rate": {},
    },
    "risk_bands": {"critical": 0.5, "high": 0.2, "medium": 0.05, "because": "x"},
}


def cohorts_of(world):
    with duckdb.connect() as connection:
        connection.execute("create schema shop")
        connection.execute("create schema churn")
        rows = world.tables["examples_unioned"]
        connection.execute(
            "create table shop.shop__churn_examples (domain varchar, customer_id varchar, "
            "as_of_date date, label_known_on date, is_churned boolean)"
        )
        connection.executemany("insert into shop.shop__churn_examples values (?, ?, ?, ?, ?)", rows)
        before = read_cohorts(connection, "shop")
        out = world.contacted.rows.assign(
            domain="shop", is_contacted=world.contacted.rows["weight"] == 0
        )
        connection.register("out", out)
        connection.execute("create table churn.int_churn__examples_contacted as select * from out")
        return before, read_cohorts(connection, "shop")


def test_a_cohort_that_contacts_empty_is_refused_in_words():
    world = ContactWorld(8, 300, holdout=0.01)
    before, after = cohorts_of(world)
    settings = LearningSettings.model_validate(SETTINGS, strict=False)
    assert all(one.left_out == 0 for one in before)
    assert [b.rows for b in before] == [a.rows + a.left_out for a in after]
    assert choose_fits(before, before[-1].known_on, settings)
    with pytest.raises(TooLittleDataError, match=r"more are left out, because a contact may have"):
        choose_fits(after, after[-1].known_on, settings)


def repeated(examples, times):
    """Each row as often as it counts, and the row of each."""
    rows = np.repeat(np.arange(len(examples)), times)
    return examples.where(rows), rows


def test_a_weight_is_as_many_customers():
    """Metrics, maps, gains and baselines of weighted rows are those of rows that are repeated."""
    examples = make_examples(3_000, 1)
    rng = np.random.default_rng(2)
    times = rng.integers(1, 4, len(examples))
    many, rows = repeated(examples, times)
    few = examples.weighing(times.astype(float))
    p = rng.beta(2, 3, len(examples))

    def told(cohort, p):
        return {
            one.metric: one.value for one in figures(cohort.is_churned, p, weight=cohort.weight)
        }

    one, other = told(few, p), told(many, p[rows])
    for metric in set(one) - {"ece_if_calibrated", "ece", "top_decile_capture"}:
        assert one[metric] == pytest.approx(other[metric], abs=1e-9), metric
    assert one["top_decile_capture"] == pytest.approx(other["top_decile_capture"], abs=0.01)
    # a row that stands for twenty is one that was seen: the interval says so
    uneven = examples.weighing(np.where(np.arange(len(examples)) % 10, 1.0, 20.0))
    loss = losses(uneven.is_churned, p)
    middle = np.average(loss, weights=uneven.weight)
    error = np.sqrt(np.sum((uneven.weight * (loss - middle)) ** 2)) / uneven.weight.sum()
    level = next(
        m for m in figures(uneven.is_churned, p, weight=uneven.weight) if m.metric == "log_loss"
    )
    assert level.ci_high - level.ci_low == pytest.approx(2 * 1.96 * error, rel=0.2)
    margin = np.log(p / (1 - p))
    for method in METHODS:
        one = fit_map(method, margin, few.is_churned, few.weight).apply(margin)
        other = fit_map(method, margin[rows], many.is_churned).apply(margin)
        np.testing.assert_allclose(one, other, atol=1e-4)
    loss = rng.normal(size=(2, len(examples)))
    gain = PairedGain.of(*loss, None, few.weight)
    assert gain.gain == pytest.approx(PairedGain.of(*loss[:, rows]).gain)
    # as one customer with so many rows
    whose = np.array([f"c{row}" for row in rows], dtype=object)
    assert gain.se == pytest.approx(PairedGain.of(*loss[:, rows], whose).se)
    assert few.churn_rate() == pytest.approx(many.churn_rate())
    assert train.level_of(margin, few.is_churned, weight=few.weight) == pytest.approx(
        train.level_of(margin[rows], many.is_churned)
    )
    drawn = gains(few, {"m": p}), gains(many, {"m": p[rows]})
    np.testing.assert_allclose(*(one["captured"] for one in drawn), rtol=0.02, atol=2)


def test_weights_of_one_change_nothing_to_the_last_bit():
    examples = make_examples(4_000, 1)
    ones = examples.weighing(np.ones(len(examples)))
    p = np.random.default_rng(2).beta(2, 3, len(examples))
    for frame in (quality, lambda cohort, of: reliability_curve(cohort, of["m"]), gains):
        one, other = frame(examples, {"m": p}), frame(ones, {"m": p})
        if frame is quality:  # the slope's error is robust where rows stand for several
            one, other = (told[told["metric"] != "calibration_slope"] for told in (one, other))
        assert one.equals(other)
    models = [train.fit(one, 30).model_to_string() for one in (examples, ones)]
    assert models[0] == models[1]
    half = [one.where(np.arange(len(one)) % 2 == 0) for one in (examples, ones)]
    grown = [
        train.grow(one, of, most_rounds=60) for one, of in zip((examples, ones), half, strict=True)
    ]
    assert grown[0][1] == grown[1][1]
    past = [
        [
            PastMargins(
                np.datetime64("2016-01-01") + 31 * n, np.datetime64("2016-01-31") + 31 * n,
                p - 0.5, examples.is_churned, None, weight,
            )
            for n in range(5)[::-1]
        ]
        for weight in (None, ones.weight)
    ]  # fmt: skip
    assert choose(past[0])[0] == choose(past[1])[0]


def test_everything_that_is_learned_sees_the_weights():
    """The hash of what is learned before the test changes with who stands for whom."""
    world = ContactWorld(8, 300)
    ruled = without_contacted(world.examples, world.contacted)
    _, after = cohorts_of(world)
    settings = LearningSettings.model_validate(SETTINGS, strict=False)
    fits = choose_fits(after, after[-1].known_on, settings)
    hashes = {
        digest_of_learned(one, fits, settings, train.PARAMETERS, 5)
        for one in (ruled, ruled.weighing(np.ones(len(ruled))))
    }
    assert len(hashes) == 2


def test_quality_by_lead_is_without_those_whom_contacts_moved(monkeypatch):
    world = ContactWorld(6, 400)
    before, _ = cohorts_of(world)
    monkeypatch.setattr(lead, "read_cohorts", lambda *_: before)
    monkeypatch.setattr(lead, "sample_stayers", lambda *_: None)
    monkeypatch.setattr(lead, "read_examples", lambda *_, **__: world.examples)
    settings = LearningSettings.model_validate(SETTINGS, strict=False)
    asked = (None, "shop", world.examples.features, settings, PARAMETERS, 10, None)
    everybody, _ = lead.predict_early(*asked)
    cohort, predictions = lead.predict_early(*asked, contact_spans(**world.tables))
    expected = without_contacted(world.examples, world.contacted).cohorts(world.days[-1:])
    assert len(cohort) < len(everybody) == 400
    assert cohort.customer_id.tolist() == expected.customer_id.tolist()
    assert cohort.weight == pytest.approx(expected.weight)
    assert len(predictions["lightgbm"]) == len(cohort)


def test_no_correction_is_tried_on_those_whom_contacts_moved(monkeypatch):
    world = ContactWorld(4, 200)
    trial = object.__new__(TrialData)
    trial.fits = [SimpleNamespace(tests=world.days[-1:], fit=world.days[:1])]
    trial.contacted, trial.compiled, trial.since = world.contacted, None, world.days[0]
    trial._usable = world.examples.features
    for name in ("arranged", "create"):
        monkeypatch.setattr(variants, name, lambda *_: None)
    monkeypatch.setattr(variants, "read_variant", lambda *_: world.examples)
    found = trial.examples(None, ())
    expected = without_contacted(world.examples, world.contacted)
    assert found.customer_id.tolist() == expected.customer_id.tolist()
    assert found.weight == pytest.approx(expected.weight)
