"""Exit codes of run, publish and nightly, and how those of several domains are combined.

typer's own usage error is 2 and is not given here.
"""

from collections.abc import Iterable

PUBLISHED = 0
FAILED = 1
REFUSED = 3
WARNED = 4

# The worst first: a failure needs somebody now, a refusal a decision, a warning a look.
_ORDER = (FAILED, REFUSED, WARNED, PUBLISHED)

EXPLAINED = (
    "Exit codes: 0 published; 4 published with warnings; 3 refused, the last published rows stay; "
    "1 failed; 2 wrong usage. Of several domains: 1 over 3 over 4 over 0."
)


def worst(codes: Iterable[int]) -> int:
    """Return the exit code of a command from those of its domains."""
    found = set(codes)
    return next((code for code in _ORDER if code in found), PUBLISHED)
