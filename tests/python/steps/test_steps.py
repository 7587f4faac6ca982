"""A step does only what its inputs have changed."""

from dataclasses import replace

import duckdb
import numpy as np
import pytest

from ml.cohorts import RefusedError, TooLittleDataError
from pipeline import steps
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.report import notices
from pipeline.runs.context import RunContext
from pipeline.steps import building, training
from pipeline.warehouse import fingerprint


@pytest.fixture
def context(home, console):
    home.root.mkdir(parents=True)
    return RunContext(home, (), domain_entries(), {}, console)


def test_a_build_that_fails_passes_for_no_state_at_all(context, monkeypatch):
    for step in ("build", "marts"):
        fingerprint.mark_done(context.home.warehouse, step, "of other inputs")

    def fail(*arguments, **options):
        raise ChurnError("a model failed")

    monkeypatch.setattr(building, "dbt", fail)
    with pytest.raises(ChurnError, match="a model failed"):
        steps.build(context)
    assert fingerprint.done(context.home.warehouse, "build") is None
    assert fingerprint.done(context.home.warehouse, "marts") is None


def test_a_build_without_a_domain_that_can_be_built_says_so(context, monkeypatch):
    def damaged(*_):
        raise ChurnError("A file is damaged.")

    monkeypatch.setattr(building, "check_stored", damaged)
    monkeypatch.setattr(building, "dbt", lambda *a, **o: pytest.fail("dbt was called"))
    with pytest.raises(ChurnError, match="None of the domains can be built"):
        steps.build(context, isolate=True)
    assert set(context.left_out) == set(context.entries)


def test_an_unchanged_build_calls_nothing(context, monkeypatch):
    monkeypatch.setattr(building, "dbt", lambda *a, **o: pytest.fail("dbt was called"))
    monkeypatch.setattr(notices, "late_feed", lambda *_: None)
    made_from = building._build_fingerprint(context)
    fingerprint.mark_done(context.home.warehouse, "build", made_from)
    steps.build(context)


@pytest.mark.parametrize(
    "change",
    [
        lambda context: replace(context, as_of={"kkbox": "2017-03-01"}),
        lambda context: replace(
            context, entries=with_setting(context.entries, least_history_days=1)
        ),
    ],
    ids=["another cut-off", "another setting"],
)
def test_a_changed_input_builds_again(context, change, monkeypatch):
    fingerprint.mark_done(context.home.warehouse, "build", building._build_fingerprint(context))

    def called(*arguments, **options):
        raise ChurnError("dbt was called")

    monkeypatch.setattr(building, "dbt", called)
    with pytest.raises(ChurnError, match="dbt was called"):
        steps.build(change(context))


def with_setting(entries, **settings):
    return entries | {"kkbox": entries["kkbox"].with_changes(settings)}


def test_nothing_is_published_before_a_build(context):
    with pytest.raises(ChurnError, match="Nothing has been built"):
        steps.finish(context)


@pytest.mark.parametrize(
    ("refusal", "is_advised"),
    [(TooLittleDataError("too few"), True), (RefusedError("the leakage check x fails"), False)],
)
@pytest.mark.parametrize("live", [None, "kkbox-1"])
def test_only_too_little_data_is_advised_other_settings(
    context, monkeypatch, refusal, is_advised, live
):
    def refuse(*_):
        raise refusal

    duckdb.connect(str(context.home.warehouse)).close()
    monkeypatch.setattr(training, "load_stack", lambda *_: [])
    monkeypatch.setattr(training, "_scoring_cut_off", lambda *_: np.datetime64("2017-04-01"))
    monkeypatch.setattr(training, "_sample", refuse)
    monkeypatch.setattr(training, "live_name", lambda *_: live)
    monkeypatch.setattr(training, "advise", lambda *_: "churn run --set preset=short")
    with pytest.raises(ChurnError, match=str(refusal)) as told:
        steps.train(context, "kkbox")
    assert told.value.where == ("churn run --set preset=short" if is_advised else None)
    assert ("churn score --domain kkbox && churn publish" in told.value.hint) == bool(live)
