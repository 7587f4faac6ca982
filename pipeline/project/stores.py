"""The stores that carry content hashes: their folders, and what to do about a damaged one."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sums import (
    SUMS,
    Damage,
    add_sums,
    damages,
    damages_of,
    hashed_files,
    listed_damages,
    read_sums,
    write_sums,
    write_sums_of,
)

LAKE, LABELS, SCORES, MODELS, HISTORY = "lake", "labels", "scores", "models", "history"


@dataclass(frozen=True)
class HashedStore:
    """A folder with content hashes of its own.

    Attributes:
        kind: Which store it belongs to.
        domain: Domain.
        folder: The folder.
        deep: Its hashes are of its folders, too.
        is_closed: It is written at once; a file without a hash is not one of its own.
    """

    kind: str
    domain: str
    folder: Path
    deep: bool = False
    is_closed: bool = False

    def damages(self) -> list[Damage]:
        """Return its files that are not what was written."""
        return damages(self.folder, deep=self.deep, is_closed=self.is_closed)

    def hash_new(self) -> int:
        """Hash files that have no hash yet, of an older version or a killed command; how many."""
        there = hashed_files(self.folder, deep=self.deep)
        if not (self.folder / SUMS).exists():
            if there:
                write_sums(self.folder, deep=self.deep)
            return len(there)
        if self.is_closed:
            return 0
        known = read_sums(self.folder / SUMS)
        new = [path for path in there if path.name not in known]
        if new:
            add_sums(new)
        return len(new)


_HINTS = {
    LAKE: "Restore the files from a backup, or load the raw file again: churn ingest --domain "
    "{domain} --remove FILE, then --raw DIR.",
    LABELS: "Restore the files from a backup: frozen labels are not made again, because the raw "
    "data may give other ones by now. churn labels audit --domain {domain} compares them.",
    SCORES: "Restore the files from a backup. Without one, delete the folder of the day: "
    "churn score --domain {domain} scores the newest day again.",
    MODELS: "Restore the files from a backup, or delete the folder of the run and train again: "
    "churn run --domain {domain}.",
    HISTORY: "Restore the file from a backup. Without one, delete it and its line in SHA256SUMS: "
    "that day then has no history.",
}


def hint_for(kind: str, domain: str) -> str:
    """Return what to do about a damaged file of a store."""
    return _HINTS[kind].format(domain=domain)


def stores(home: Home, domain: str, *kinds: str) -> Iterator[HashedStore]:
    """Yield the folders of a domain that carry hashes, of some kinds or of all."""
    chosen = kinds or (LAKE, LABELS, SCORES, MODELS, HISTORY)
    if LAKE in chosen:
        for record in sorted((home.lake / domain).glob("*/*/_file.json")):
            yield HashedStore(LAKE, domain, record.parent, deep=True, is_closed=True)
    if LABELS in chosen:
        for folder in _folders(home.labels / domain):
            yield HashedStore(LABELS, domain, folder)
    runs = [run for run in _folders(home.models / domain) if (run / "recipe.json").exists()]
    if SCORES in chosen:
        for run in runs:
            for folder in [*_folders(run / "scores"), *_folders(run / "evaluation")]:
                yield HashedStore(SCORES, domain, folder, is_closed=True)
    if MODELS in chosen:
        for folder in [home.models / domain, *runs]:
            if folder.is_dir():
                yield HashedStore(MODELS, domain, folder)
    if HISTORY in chosen and (home.history / domain).is_dir():
        yield HashedStore(HISTORY, domain, home.history / domain)


def _folders(folder: Path) -> list[Path]:
    return sorted(path for path in folder.glob("*/"))


def check_stores(home: Home, domain: str, *kinds: str) -> int:
    """Compare what is about to be read with its hashes; hash what has none yet.

    Returns:
        Number of files that were hashed for the first time.

    Raises:
        ChurnError: A file has changed, is gone or does not belong there.
    """
    new = 0
    for kind in kinds:
        found: list[Damage] = []
        for store in stores(home, domain, kind):
            found += store.damages()
            if not found:
                new += store.hash_new()
        if found:
            raise ChurnError(
                f"{len(found)} files of the {kind} of {domain} are damaged; its last published "
                "rows stay.",
                where=listed_damages(found),
                hint=hint_for(kind, domain),
            )
    return new


def sums_of_generation(database: Path) -> Path:
    """Return the file with the content hashes of a generation."""
    return database.with_suffix(".sha256")


def hash_generation(database: Path) -> None:
    """Hash all files of a generation: its database, look-ups, copies and inputs of plans."""
    name = database.stem
    parts = [path for path in database.parent.glob(f"{name}*") if path.suffix != ".sha256"]
    files = [file for part in parts for file in ([part] if part.is_file() else part.rglob("*"))]
    write_sums_of(sums_of_generation(database), [file for file in files if file.is_file()])


def generation_damages(database: Path, *, only_read: bool = False) -> list[Damage]:
    """Return the files of a generation that are not what was published.

    Args:
        database: Its database.
        only_read: Only the files without checksums of their own that the API reads: the document
            about it, the inputs of plans and the bundle of real time. Blocks of the database and
            documents of the look-ups are checked when they are read.
    """
    sums = sums_of_generation(database)
    if not sums.exists():
        return []
    try:
        wanted = read_sums(sums)
    except ChurnError as error:
        return [Damage(sums, error.where or error.what)]
    if only_read:
        starts = (f"{database.stem}.json", f"{database.stem}.plan/", f"{database.stem}/realtime/")
        wanted = {name: content for name, content in wanted.items() if name.startswith(starts)}
    return damages_of(database.parent, wanted)
