"""One exit code of a command from those of its domains, and where a user finds it explained."""

from itertools import permutations

import pytest

from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import FAILED, PUBLISHED, REFUSED, WARNED, worst
from pipeline.runs.context import RunContext


def test_a_failure_is_above_a_refusal_above_a_warning():
    assert (PUBLISHED, FAILED, REFUSED, WARNED) == (0, 1, 3, 4)
    ranked = [FAILED, REFUSED, WARNED, PUBLISHED]
    for at, code in enumerate(ranked):
        for codes in permutations(ranked[at:]):
            assert worst(codes) == code
    assert worst([]) == PUBLISHED


@pytest.fixture
def context(home, console):
    return RunContext(home, ("kkbox",), domain_entries(), {}, console)


def test_a_note_changes_no_code_and_a_warning_does(context):
    context.say("user_logs is missing")
    assert context.exit_code == PUBLISHED
    context.warn("a frozen label disagrees", "kkbox")
    assert context.exit_code == WARNED


def test_trouble_of_a_domain_that_was_not_asked_for_is_a_warning(context):
    context.leave_out("ecommerce", ChurnError("it could not be built"))
    assert context.exit_code == WARNED
    assert context.remaining == ("kkbox",)
    assert context.left_out == ("ecommerce",)
    context.refuse("kkbox", ChurnError("it jumps", exit_code=REFUSED))
    assert context.exit_code == REFUSED
    assert context.remaining == ()
    # what a guard refuses was built and stays built
    assert context.left_out == ("ecommerce",)
    context.leave_out("kkbox", ChurnError("it could not be built"))
    assert context.exit_code == FAILED


@pytest.mark.parametrize("command", ["run", "publish"])
def test_the_help_of_the_command_explains_its_codes(home, run_churn, command):
    told = " ".join(run_churn(home.root, command, "--help").stdout.split())
    for words in ("0 published", "4 published with warnings", "3 refused", "1 failed", "2 wrong"):
        assert words in told
