"""Every run leaves a record, also one that is refused, fails or is killed."""

import json
from datetime import UTC, datetime

import pytest
import typer

from cli.common import recording
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED, WARNED
from pipeline.runs import nights as records
from pipeline.runs.context import RunContext
from pipeline.runs.nights import begin_night, nights


@pytest.fixture
def context(home, console):
    return RunContext(home, ("kkbox",), {}, {}, console, log=begin_night(home, "run"))


def test_steps_warnings_and_refusals_are_recorded(home, context):
    with context.step("build"):
        context.warn("kkbox: a day is missing", "kkbox")
    refusal = ChurnError("Publishing kkbox is refused.", hint="churn publish", exit_code=REFUSED)
    context.refuse("kkbox", refusal)
    context.log.end(REFUSED)
    (night,) = nights(home)
    assert night.command == "run"
    assert night.outcome == "refused"
    assert [step.name for step in night.steps] == ["build"]
    assert [(note.kind, note.domain, note.what, note.hint) for note in night.notes] == [
        ("warning", "kkbox", "kkbox: a day is missing", None),
        ("refusal", "kkbox", "Publishing kkbox is refused.", "churn publish"),
    ]
    assert night.began_at <= night.ended_at <= datetime.now(UTC)


def test_a_step_that_fails_is_recorded_with_its_time(home, context):
    with pytest.raises(ZeroDivisionError), context.step("build", "kkbox"):
        1 / 0  # noqa: B018
    assert [(step.name, step.domain) for step in nights(home)[0].steps] == [("build", "kkbox")]


@pytest.mark.parametrize(
    ("ending", "outcome", "said"),
    [
        (None, "published", []),
        (typer.Exit(WARNED), "warned", []),
        (ChurnError("There is no data yet."), "failed", ["There is no data yet."]),
        (ChurnError("Refused.", exit_code=REFUSED), "refused", ["Refused."]),
        (OSError("disk full"), "failed", ["OSError: disk full"]),
        (KeyboardInterrupt(), "failed", ["KeyboardInterrupt: "]),
    ],
)
def test_a_run_is_recorded_however_it_ends(home, ending, outcome, said):
    def run():
        with recording(home, "run"):
            if ending is not None:
                raise ending

    if ending is None:
        run()
    else:
        with pytest.raises(type(ending)):
            run()
    (night,) = nights(home)
    assert night.outcome == outcome
    assert [note.what for note in night.notes] == said
    assert night.ended_at


def test_what_a_killed_run_left_half_written_goes_as_the_next_one_begins(home):
    left = [home.nights / ".1.json.part", home.lake / "kkbox" / ".train.part" / "data.parquet"]
    whole = [home.nights / "1.json", home.labels / "kkbox" / "a.parquet"]
    for path in (*left, *whole):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    with recording(home, "run"):
        assert [path.exists() for path in (*left, *whole)] == [False, False, True, True]
    assert not left[1].parent.exists()


def test_a_run_that_was_killed_has_left_a_record(home):
    log = begin_night(home, "run")
    with log.step("build"):
        pass
    (night,) = nights(home)
    assert (night.outcome, night.ended_at) == ("running", None)
    assert [step.name for step in night.steps] == ["build"]


def test_the_newest_records_are_kept(home, monkeypatch):
    monkeypatch.setattr(records, "KEPT", 3)
    for number in range(5):
        begin_night(home, f"run {number}")
    assert [night.command for night in nights(home)] == ["run 4", "run 3", "run 2"]


def test_a_record_that_somebody_changed_is_named(home):
    log = begin_night(home, "run")
    document = json.loads(log.path.read_text()) | {"outcome": "fine"}
    log.path.write_text(json.dumps(document))
    with pytest.raises(ChurnError, match="outcome"):
        nights(home)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(("run",), "There is no data yet."), (("publish",), "Nothing to publish yet.")],
)
def test_a_command_that_cannot_begin_is_recorded(home, run_churn, arguments, words):
    assert run_churn(home.root, *arguments).returncode == 1
    (night,) = nights(home)
    assert night.command == arguments[0]
    assert night.outcome == "failed"
    assert [note.what for note in night.notes] == [words]
