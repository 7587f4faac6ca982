import pytest

from pipeline import steps
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.runs.context import RunContext
from pipeline.warehouse import fingerprint


@pytest.fixture
def plan(home, console):
    home.root.mkdir(parents=True)
    return RunContext(home, (), domain_entries(), {}, console)


def test_a_build_that_fails_passes_for_no_state_at_all(plan, monkeypatch):
    for step in ("build", "marts"):
        fingerprint.mark_done(plan.home.warehouse, step, "of other inputs")

    def fail(*arguments, **options):
        raise ChurnError("a model failed")

    monkeypatch.setattr(steps, "dbt", fail)
    with pytest.raises(ChurnError, match="a model failed"):
        steps.build(plan)
    assert fingerprint.done(plan.home.warehouse, "build") is None
    assert fingerprint.done(plan.home.warehouse, "marts") is None


def test_an_unchanged_build_calls_nothing(plan, monkeypatch):
    monkeypatch.setattr(steps, "dbt", lambda *a, **o: pytest.fail("dbt was called"))
    made_from = steps._build_fingerprint(plan)
    fingerprint.mark_done(plan.home.warehouse, "build", made_from)
    steps.build(plan)


def test_nothing_is_published_before_a_build(plan):
    with pytest.raises(ChurnError, match="Nothing has been built"):
        steps.finish(plan)
