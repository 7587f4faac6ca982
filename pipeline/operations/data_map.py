"""The data map: every kind of file under CHURN_HOME, and how a customer is taken out of it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.project.errors import ChurnError
from pipeline.project.home import Home

# How a customer is taken out of a kind of file.
ROWS, LINES, WORDS, DROP, STATE, GENERATION, NONE = (
    "its rows are taken out",
    "its lines are taken out",
    "its id is taken out of the text",
    "the file is deleted: it is made again when it is needed",
    "its rows are deleted and the pages overwritten",
    "it is written again as a new generation, and the old ones are deleted",
    "it holds no customer",
)


@dataclass(frozen=True)
class Kind:
    """A kind of file.

    Attributes:
        pattern: Of its path below CHURN_HOME.
        eraser: How a customer is taken out.
    """

    pattern: str
    eraser: str


_GENERATION = r"churn_\d{8}T\d{12}_[0-9a-f]+"
# In order: the first that fits.
KINDS = (
    # derived, left over or a copy for others
    Kind(r"(warehouse|dev|dev_copy)\.duckdb(\.wal)?", DROP),
    Kind(r"(scratch|state|bench|features)/.*", DROP),
    Kind(r"\.(restored|replaced|state\.part).*", DROP),
    Kind(r"dbt/.*", DROP),
    Kind(r"(.*/)?\.[^/]+\.part", DROP),
    Kind(r"published/(current|tableau|csv|\.scratch)(/.*)?", DROP),
    Kind(r"published/current\.(duckdb(\.wal)?|hyper)", DROP),
    # what is published
    Kind(r"published/current\.json", GENERATION),
    Kind(rf"published/{_GENERATION}(\.(duckdb|sqlite|json|sha256)|/.*|\.plan/.*)", GENERATION),
    # the state
    Kind(r"state\.sqlite(-wal|-shm|-journal)?", STATE),
    # no customers by construction
    Kind(r"(.*/)?SHA256SUMS", NONE),
    # counts and gains of tests, and who decided
    Kind(r"corrections/.*", NONE),
    Kind(r"\.lock|\.restoring|(people|secrets|forgotten|backups|targets)\.json", NONE),
    Kind(r"certificates/[^/]+\.json|signing\.key", NONE),
    # where a pull has come to, and which columns tables have
    Kind(r"landing/[^/]+/(pulled|copied)\.json", NONE),
    Kind(r"lake/[^/]+/(_origin\.json|[^/]+\.json)", NONE),
    # pictures of customers who are not named, made again with the next scores
    Kind(r"models/.*\.png", NONE),
    # data
    Kind(
        r"(landing|lake|quarantine|labels|models|history|datasets|drafts|demo_truth)/.*\.parquet"
        r"(\.withdrawn)?",
        ROWS,
    ),
    # copies from a store that are not loaded yet: the next pull brings them again
    Kind(r"landing/[^/]+/files/.*", DROP),
    Kind(r"(deliveries|batch)/.*\.parquet", ROWS),
    Kind(r"(deliveries|batch|raw|quarantine|datasets)/.*\.(csv|jsonl|ndjson|tsv)", LINES),
    Kind(r"(raw|batch)/.*\.json", WORDS),
    Kind(r"batch/.*", DROP),
    Kind(
        r"(lake|labels|models|quarantine|datasets|nights|proofs|drafts|deliveries|history)/"
        r".*\.(json|md|sql|txt)",
        WORDS,
    ),
    Kind(r"status\.json|[^/]+\.(log|json|jsonl|txt)", WORDS),
)


def kind_of(home: Home, path: Path) -> Kind:
    """Return the kind of a file.

    Raises:
        ChurnError: Nobody knows how a customer is taken out of it.
    """
    name = path.relative_to(home.root).as_posix()
    for kind in KINDS:
        if re.fullmatch(kind.pattern, name):
            return kind
    raise ChurnError(
        "There is a file of which nobody knows how a customer is taken out.",
        where=str(path),
        hint="Move it out of CHURN_HOME if it is yours: only what the platform writes belongs "
        "there. Nothing was erased.",
    )


def mapped_files(home: Home) -> Iterator[tuple[Path, Kind]]:
    """Yield every file under CHURN_HOME with its kind, sorted.

    Raises:
        ChurnError: A file is of no known kind.
    """
    for path in sorted(home.root.rglob("*")):
        if path.is_symlink() or path.is_file():
            yield path, kind_of(home, path)
