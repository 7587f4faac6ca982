"""What is renamed into place is on disk first, so that a power cut leaves the old or the new."""

import os
from pathlib import Path

import pytest

from ml.decision import Decision
from pipeline.labels import freeze
from pipeline.project import files
from pipeline.publish.record import note_publish
from pipeline.runs.registry import CurrentScores, choose_scores, record


@pytest.fixture
def watched(monkeypatch):
    """Fails at a rename of what is not on disk; returns the folders that were synced after one."""
    synced, folders, replace = set(), [], Path.replace

    def sync(path):
        synced.add(path.stat().st_ino)
        if path.is_dir():
            folders.append(path)

    def checked(part, target):
        below = [part, *part.rglob("*")] if part.is_dir() else [part]
        missed = [path for path in below if path.stat().st_ino not in synced]
        assert missed == [], f"{target} is renamed before it is on disk"
        return replace(part, target)

    monkeypatch.setattr(files, "sync", sync)
    monkeypatch.setattr(Path, "replace", checked)
    return folders


def a_cohort():
    return freeze.FrozenCohort(
        domain="kkbox",
        label_definition="lapse",
        as_of_date="2017-02-01",
        rule_version=1,
        label_version=1,
        rows=1,
        churners=0,
        checksum="1",
        raw_files=[],
        missing_raw_files=[],
        frozen_at="2017-04-01",
    )


def freeze_labels(home):
    part = home.root / "part"
    part.parent.mkdir(parents=True)
    part.write_text("labels")
    freeze._commit(part, home.labels / "kkbox" / "lapse" / "2017-02-01.v1.parquet", a_cohort())


WRITES = {
    "labels": freeze_labels,
    "live runs": lambda home: record(home, "kkbox", Decision("a", "a", "first", "the first model")),
    "current scores": lambda home: choose_scores(home, "kkbox", CurrentScores("a", "2017-04-01")),
    "publish notes": lambda home: note_publish(home, "kkbox", "refused", "it jumps"),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_what_outlives_a_run_is_on_disk_before_its_rename(home, watched, write):
    write(home)
    written = [path for path in home.root.rglob("*") if path.is_file()]
    assert written
    assert {path.parent for path in written} <= set(watched), "the new name is not on disk"


def test_a_folder_is_on_disk_with_all_that_is_in_it(home, watched):
    part = home.work / "train_kkbox"
    (part / "scores").mkdir(parents=True)
    (part / "model.txt").write_text("trees")
    (part / "scores" / "scores.parquet").write_text("rows")
    files.move_durably(part, home.models / "kkbox" / "run")
    assert (home.models / "kkbox" / "run" / "scores" / "scores.parquet").read_text() == "rows"
    assert home.models / "kkbox" in watched


def test_a_run_and_its_scores_are_moved_by_the_durable_way():
    """No rename of its own: only the helper waits for the disk."""
    text = (Path(__file__).parents[3] / "pipeline" / "steps" / "training.py").read_text()
    assert ".replace(folder)" not in text
    assert text.count("move_durably(scratch, folder)") == 2


def test_sync_waits_for_the_file(tmp_path, monkeypatch):
    called = []
    monkeypatch.setattr(os, "fsync", called.append)
    files.sync(tmp_path)
    assert len(called) == 1


def test_what_a_killed_process_left_is_removed_and_what_its_links_point_to_stays(tmp_path):
    """A publish that is killed between making a link and its rename leaves the link."""
    left = tmp_path / "left"
    (left / ".folder.part").mkdir(parents=True)
    (left / ".folder.part" / "file").touch()
    (left / ".file.part").touch()
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    (left / ".to_nothing.part").symlink_to("gone")
    (left / ".to_a_folder.part").symlink_to(kept)
    (left / ".to_a_file.part").symlink_to(kept / "file")
    files.remove_parts(left)
    assert list(left.iterdir()) == []
    assert (kept / "file").is_file()
