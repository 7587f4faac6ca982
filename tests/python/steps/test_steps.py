"""A step does only what its inputs have changed."""

from dataclasses import replace

import pytest

from pipeline import steps
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.runs.context import RunContext
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

    monkeypatch.setattr(steps, "dbt", fail)
    with pytest.raises(ChurnError, match="a model failed"):
        steps.build(context)
    assert fingerprint.done(context.home.warehouse, "build") is None
    assert fingerprint.done(context.home.warehouse, "marts") is None


def test_an_unchanged_build_calls_nothing(context, monkeypatch):
    monkeypatch.setattr(steps, "dbt", lambda *a, **o: pytest.fail("dbt was called"))
    made_from = steps._build_fingerprint(context)
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
    fingerprint.mark_done(context.home.warehouse, "build", steps._build_fingerprint(context))

    def called(*arguments, **options):
        raise ChurnError("dbt was called")

    monkeypatch.setattr(steps, "dbt", called)
    with pytest.raises(ChurnError, match="dbt was called"):
        steps.build(change(context))


def with_setting(entries, **settings):
    return entries | {"kkbox": entries["kkbox"].with_changes(settings)}


def test_nothing_is_published_before_a_build(context):
    with pytest.raises(ChurnError, match="Nothing has been built"):
        steps.finish(context)
