"""`churn verify`: reads every store and compares it with what was written."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipeline.labels.registry import check_files
from pipeline.operations.certificate import certificate_damages
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.generations import COPIES, DATABASE, named
from pipeline.project.home import Home
from pipeline.project.look_ups import DamagedLookUpsError, LookUps
from pipeline.project.state_sums import state_damages
from pipeline.project.stores import (
    HISTORY,
    LABELS,
    LAKE,
    MODELS,
    SCORES,
    generation_damages,
    hint_for,
    stores,
    sums_of_generation,
)
from pipeline.project.sums import SUMS, Damage, hash_of, hashed_files, read_sums
from pipeline.runs.datasets import dataset_damages, list_datasets
from pipeline.runs.rebuild import warehouse_damage
from pipeline.runs.registry import check_model, runs

_PUBLISH = "The newest whole generation is served. Write a new one: churn publish."
_STATE = (
    "Restore a backup: churn restore. It holds keys, contacts, assignments and who must not be "
    "contacted, and cannot be built again."
)


@dataclass
class Verified:
    """What was found in one store.

    Attributes:
        store: Name of the store.
        files: Files that were compared.
        damages: Those that are not what was written.
        hint: What to do about them.
        note: What could not be compared.
    """

    store: str
    files: int = 0
    damages: list[Damage] = field(default_factory=list)
    hint: str = ""
    note: str = ""


def verify(home: Home) -> Iterator[Verified]:
    """Compare every store with its content hashes; yields one after the other."""
    for domain in _domains(home):
        for kind in (LAKE, LABELS, MODELS, SCORES, HISTORY):
            found = verify_store(home, domain, kind)
            if found.files or found.damages or found.note:
                yield found
    for dataset in list_datasets(home):
        yield Verified(
            f"dataset {dataset.manifest.domain}/{dataset.manifest.name}",
            len(dataset.manifest.files),
            dataset_damages(dataset),
            "Restore the folder from a backup: a dataset is not made again.",
        )
    for name in dict.fromkeys(named(home)):
        yield verify_generation(home, name)
    yield _copy_for_others(home)
    if home.state.exists():
        yield _state(home)
    files, damages = certificate_damages(home)
    if files:
        yield Verified(
            "certificates of erasures", files, damages, "Restore the file from a backup."
        )
    if home.warehouse.exists():
        why = warehouse_damage(home, every_block=True)
        yield Verified(
            "warehouse",
            1,
            [Damage(home.warehouse, why)] if why else [],
            "Nothing is lost: the next night builds it again from the lake.",
        )


def _domains(home: Home) -> list[str]:
    """Domains that are set up, and those that were and have left files."""
    folders = (home.lake, home.labels, home.models, home.history)
    left = {path.name for folder in folders for path in folder.glob("*/")}
    return sorted({*domain_entries(), *left})


def verify_store(home: Home, domain: str, kind: str) -> Verified:
    """Compare one kind of store of a domain."""
    found = Verified(f"{kind} of {domain}", hint=hint_for(kind, domain))
    unknown = 0
    for store in stores(home, domain, kind):
        there = hashed_files(store.folder, deep=store.deep)
        found.files += len(there)
        found.damages += store.damages()
        if not (store.folder / SUMS).exists():
            unknown += len(there)
        elif not store.is_closed and not found.damages:
            known = read_sums(store.folder / SUMS)
            unknown += sum(path.name not in known for path in there)
    if unknown:
        found.note = f"{unknown:,} files have no content hash yet; the next run hashes them"
    if kind == LABELS:
        found.damages += _in_words(lambda: check_files(home, domain), home.labels / domain, found)
    if kind == MODELS:
        for run in runs(home, domain):
            found.damages += _in_words(
                lambda run=run: check_model(run),  # type: ignore[misc]
                run / "model.txt",
                found,
            )
    return found


def _in_words(check: Callable[[], object], path: Path, found: Verified) -> Iterable[Damage]:
    """Run a check of a room's own; what it says that is not known yet."""
    try:
        check()
    except ChurnError as error:
        lines = (error.where or str(path)).splitlines()
        known = {str(damage.path) for damage in found.damages}
        for line in lines:
            name, _, what = line.partition(": ")
            if name not in known:
                yield Damage(Path(name), what or error.what)


def verify_generation(home: Home, name: str) -> Verified:
    """Compare a published generation."""
    database = home.published / f"{name}.duckdb"
    found = Verified(f"generation {name}", hint=_PUBLISH)
    if not database.exists():
        found.damages = [Damage(database, "is gone")]
        return found
    sums = sums_of_generation(database)
    if sums.exists():
        found.damages = generation_damages(database)
        found.files = len(sums.read_bytes().splitlines())
        return found
    found.note = "of a version without content hashes; only its look-ups are checked"
    look_ups = database.with_suffix(".sqlite")
    if look_ups.exists():
        found.files = 1
        found.damages = _look_ups(look_ups)
    return found


def _look_ups(path: Path) -> list[Damage]:
    try:
        opened = LookUps(path)
        try:
            opened.check_all()
        finally:
            opened.close()
    except DamagedLookUpsError as error:
        return [Damage(path, error.what)]
    return []


def _copy_for_others(home: Home) -> Verified:
    """The copy under the name that stays: a client may have written into it."""
    found = Verified(
        "copy for others", hint="It is written again with the next publish: churn publish."
    )
    link, copy = home.published / COPIES, home.published / DATABASE
    if not link.is_symlink() or not copy.is_file():
        return found
    original = home.published / f"{link.readlink().name}.duckdb"
    found.files = 1
    if original.exists() and hash_of(original) != hash_of(copy):
        found.damages = [Damage(copy, f"differs from {original.name}")]
    return found


def _state(home: Home) -> Verified:
    found = Verified("state", 1, hint=_STATE)
    said = state_damages(home)
    if said:
        found.damages = [Damage(home.state, "; ".join(said[:3]))]
    return found
