"""A night is told in a reader's words."""

import re

from app.viewer.words import STEPS
from pipeline.project.home import PROJECT


def test_every_step_of_a_run_has_words():
    found = {
        name
        for room in ("cli", "pipeline/operations")
        for path in (PROJECT / room).rglob("*.py")
        for name in re.findall(r"\b(?:log|context)\.step\(\"([^\"]+)\"", path.read_text())
    }
    assert len(found) >= 6
    assert found - STEPS.keys() == set()
