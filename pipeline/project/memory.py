"""How much memory the platform uses: CHURN_MEMORY, by default a share of the machine's."""

import os
import re
from pathlib import Path

from pipeline.project.errors import ChurnError

MEMORY = "CHURN_MEMORY"
DEFAULT = "60%"
# Less would not hold the libraries and one build of dbt.
LEAST = 500_000_000
# While a model learns, its warehouse is open beside it: what the matrix may take at its peak, and
# what DuckDB may. The rest is the process itself.
LEARNING_SHARE, BESIDE_LEARNING_SHARE = 0.6, 0.25

_CGROUPS = Path("/sys/fs/cgroup")
_MEMBERSHIP = Path("/proc/self/cgroup")
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(%|[A-Za-z]*)\s*")
# Factors of bytes; a plain number is gigabytes.
_UNITS = {
    "": 10**9,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
    "tib": 2**40,
}


def memory() -> int:
    """Return the bytes that DuckDB and the ML step may use together, of CHURN_MEMORY.

    Raises:
        ChurnError: CHURN_MEMORY is not an amount of memory or less than the platform needs; or it
            is a share, and the machine does not say what it has.
    """
    words = os.environ.get(MEMORY) or DEFAULT
    amount = _AMOUNT.fullmatch(words)
    unit = amount[2].lower() if amount else ""
    if amount is None or (unit != "%" and unit not in _UNITS):
        raise _wrong(words, "is not an amount of memory")
    number = float(amount[1])
    if unit != "%":
        size = int(number * _UNITS[unit])
    elif 0 < number <= 100:
        size = int(number / 100 * machine_memory())
    else:
        raise _wrong(words, "is not a share between 0 and 100 %")
    if size < LEAST and unit != "%":
        raise _wrong(words, f"is less than the {LEAST // 10**6} MB that the platform needs")
    return max(size, LEAST)


def _wrong(words: str, what: str) -> ChurnError:
    return ChurnError(
        f"{MEMORY} is {words!r}, which {what}.",
        where=f"environment variable {MEMORY}",
        hint="Write it as 8GB, 8GiB, a number of GB, or a share of the machine such as 60%; or "
        "unset it.",
    )


def machine_memory() -> int:
    """Return the bytes of memory that this process can have: the machine's, or its cgroup's limit.

    Raises:
        ChurnError: The system does not say it.
    """
    try:
        physical = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError) as problem:
        raise ChurnError(
            "This machine does not say how much memory it has.",
            where=str(problem),
            hint=f"Set {MEMORY}, for example to 8GB.",
        ) from problem
    return min([physical, *cgroup_limits()])


def cgroup_limits(membership: Path = _MEMBERSHIP, root: Path = _CGROUPS) -> list[int]:
    """Return the limits in bytes of this process's control group and those above; none set: none.

    Args:
        membership: The file in which Linux says which groups a process is in.
        root: Where the groups are mounted, of version 1 or 2.
    """
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return []
    limits = []
    for line in lines:
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers == "":
            top, name = root, "memory.max"
        elif "memory" in controllers.split(","):
            top, name = root / "memory", "memory.limit_in_bytes"
        else:
            continue
        # inside a container the group itself is often mounted as the top
        group = top / path.lstrip("/")
        for folder in [group, *group.parents]:
            limits += _limit(folder / name)
            if folder == top:
                break
    return limits


def _limit(path: Path) -> list[int]:
    try:
        words = path.read_text().strip()
    except OSError:
        return []
    return [int(words)] if words.isdecimal() and int(words) > 0 else []


def duckdb_limit(share: float = 1.0, most: int | None = None) -> str:
    """Return what DuckDB takes as `memory_limit`.

    Args:
        share: Part of CHURN_MEMORY, 0 to 1.
        most: Bytes that it is never more than; None for no such bound.

    Raises:
        ChurnError: CHURN_MEMORY cannot be used.
    """
    size = int(memory() * share)
    return f"{size if most is None else min(size, most)}B"


def learning_budget(given_gb: float | None) -> int:
    """Return the bytes that the examples of a training may take at its peak.

    Args:
        given_gb: `training_memory_gb` of the domain's entry; None for a share of CHURN_MEMORY.

    Raises:
        ChurnError: CHURN_MEMORY cannot be used.
    """
    return int(memory() * LEARNING_SHARE) if given_gb is None else int(given_gb * 10**9)
