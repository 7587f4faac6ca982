"""`churn doctor`: whether a CHURN_HOME and the machine around it are fit for the nights to come."""

import json
import os
import resource
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.operations.backup import MANIFEST, backup_folders
from pipeline.operations.prune import find_prunable
from pipeline.operations.status import NightStatus
from pipeline.project.checked import read_checked
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.failures import in_words
from pipeline.project.forgotten import read_forgotten
from pipeline.project.generations import first_whole, named
from pipeline.project.home import Home
from pipeline.project.state import reading_from
from pipeline.runs.rebuild import warehouse_damage
from pipeline.runs.registry import check_model, live_name, live_run

# A build needs room for another warehouse and generation, and for what DuckDB spills.
_TIMES_THE_WAREHOUSE = 3
_FEWEST_FILES = 1024
_OLDEST_NIGHT = timedelta(hours=36)
_OLDEST_BACKUP = timedelta(days=2)


@dataclass(frozen=True)
class Finding:
    """The answer to one question.

    Attributes:
        what: What was looked at.
        words: What was found.
        hint: What to do; empty if nothing.
        is_broken: Nights will fail; without it, a hint is advice.
    """

    what: str
    words: str
    hint: str = ""
    is_broken: bool = False


def examine(home: Home, domains: list[str], now: datetime | None = None) -> Iterator[Finding]:
    """Ask every question; one that cannot be answered is broken, and the next is asked.

    Args:
        home: CHURN_HOME.
        domains: Domains whose live models are looked at.
        now: The moment it is; by default this one.
    """
    moment = now or datetime.now(UTC)
    questions: list[tuple[str, Callable[[], Finding]]] = [
        ("folder", lambda: _folder(home)),
        ("room on the disk", lambda: _room(home)),
        ("open files", _open_files),
        ("owner alone", lambda: _modes(home)),
        ("state", lambda: _state(home)),
        ("list of the forgotten", lambda: _forgotten(home)),
        ("published", lambda: _published(home)),
        ("warehouse", lambda: _warehouse(home)),
        *((f"model of {name}", lambda name=name: _model(home, name)) for name in domains),
        ("old nights", lambda: _old_nights(home, domains)),
        ("last night", lambda: _last_night(home, moment)),
        ("backup", lambda: _backup(home, moment)),
    ]
    for what, ask in questions:
        try:
            yield ask()
        except ChurnError as error:
            yield Finding(what, error.what, error.hint or "", is_broken=True)
        except Exception as problem:
            told = in_words(problem)
            words = told.what if told else f"{type(problem).__name__}: {problem}"
            yield Finding(what, words, (told.hint or "") if told else "", is_broken=True)


def _folder(home: Home) -> Finding:
    if not home.root.is_dir():
        return Finding("folder", f"{home.root} is not there yet", "churn demo, or churn run --raw")
    if not os.access(home.root, os.W_OK | os.X_OK):
        return Finding(
            "folder", f"{home.root} cannot be written", "Fix its owner or mode.", is_broken=True
        )
    return Finding("folder", f"{home.root} can be written")


def _room(home: Home) -> Finding:
    place = home.root if home.root.is_dir() else home.root.parent
    free = shutil.disk_usage(place).free
    size = home.warehouse.stat().st_size if home.warehouse.exists() else 0
    needed = max(_TIMES_THE_WAREHOUSE * size, 1 << 30)
    words = f"{free / 1e9:,.1f} GB are free, {needed / 1e9:,.1f} GB are wise"
    hint = "Free some space before the night." if free < needed else ""
    return Finding("room on the disk", words, hint, is_broken=free < size)


def _open_files() -> Finding:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    few = soft < _FEWEST_FILES
    return Finding(
        "open files",
        f"a process may open {soft:,}",
        f"Raise it to {_FEWEST_FILES:,} or more: ulimit -n, or LimitNOFILE=." if few else "",
    )


def _modes(home: Home) -> Finding:
    names = ("state.sqlite", "people.json", "secrets.json", "forgotten.json", "signing.key")
    paths = [path for name in names if (path := home.root / name).exists()]
    open_ = [path.name for path in paths if stat.S_IMODE(path.stat().st_mode) & stat.S_IRWXO]
    if open_:
        return Finding(
            "owner alone", f"others may read {', '.join(open_)}", f"chmod -R o= {home.root}"
        )
    return Finding("owner alone", f"{len(paths)} files of secrets and people are closed to others")


def _state(home: Home) -> Finding:
    with reading_from(home) as connection:
        return Finding("state", "is of today's version" if connection else "there is none yet")


def _forgotten(home: Home) -> Finding:
    count = sum(len(ids) for one in read_forgotten(home).lists for ids in one.customers.values())
    return Finding("list of the forgotten", f"{count:,} ids")


def _published(home: Home) -> Finding:
    names = named(home)
    if not names:
        return Finding("published", "nothing yet")
    whole = first_whole(home, names)
    if whole is None or whole.stem != names[0]:
        instead = f"{whole.stem} is read instead" if whole else "no other one is whole"
        return Finding(
            "published", f"{names[0]} is damaged; {instead}", "churn publish", is_broken=True
        )
    return Finding("published", f"{names[0]} is whole")


def _warehouse(home: Home) -> Finding:
    why = warehouse_damage(home)
    if why:
        return Finding("warehouse", why, "The next run builds it again.")
    return Finding("warehouse", "can be read" if home.warehouse.exists() else "is not built yet")


def _model(home: Home, domain: str) -> Finding:
    name = live_name(home, domain)
    if name is None:
        return Finding(f"model of {domain}", "none is live yet")
    check_model(live_run(home, domain))
    return Finding(f"model of {domain}", f"{name} is the one of its recipe")


def _old_nights(home: Home, domains: list[str]) -> Finding:
    entries = domain_entries()
    found = find_prunable(home, {name: entries[name] for name in domains})
    if not found:
        return Finding("old nights", "nothing is older than the rules keep it")
    size = sum(one.bytes for one in found) / 1e6
    are = "item is" if len(found) == 1 else "items are"
    words = f"{len(found):,} {are} older than the rules keep them, {size:,.1f} MB"
    return Finding("old nights", words, "churn prune --dry-run, then churn prune")


def _last_night(home: Home, now: datetime) -> Finding:
    if not home.status.exists():
        return Finding("last night", "churn nightly has not run here", "Install its timer.")
    status = read_checked(NightStatus, home.status, "The next night writes it again.")
    ended = status.ended_at or status.began_at
    words = f"{status.outcome}, {ended:%Y-%m-%d %H:%M} UTC"
    if now - ended > _OLDEST_NIGHT:
        return Finding("last night", words, "No night has ended since: look at its timer.")
    hint = "" if status.exit_code in (0, 4) else "status.json says why and what to do."
    return Finding("last night", words, hint)


def _backup(home: Home, now: datetime) -> Finding:
    made: list[datetime] = []
    for folder in map(Path, backup_folders(home)):
        for path in folder.glob(f"*/{MANIFEST}"):
            made.append(datetime.fromisoformat(json.loads(path.read_text())["made_at"]))
    if not made:
        return Finding("backup", "none can be reached", "churn backup FOLDER")
    newest = max(made)
    hint = "churn backup FOLDER" if now - newest > _OLDEST_BACKUP else ""
    return Finding("backup", f"the newest is of {newest:%Y-%m-%d %H:%M} UTC", hint)
