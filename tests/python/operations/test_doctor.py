"""A home that would fail the next night is told apart from one that wants advice."""

import shutil
from datetime import UTC, datetime, timedelta

import pytest

from pipeline.operations import doctor
from pipeline.operations.backup import back_up
from pipeline.operations.doctor import examine
from pipeline.operations.status import NightStatus, keep_status
from pipeline.project.forgotten import forgotten_file
from pipeline.project.generations import current_file
from pipeline.runs.registry import live_run

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)


def asked(home, what, now=NOW):
    (found,) = [one for one in examine(home, ["kkbox"], now) if one.what == what]
    return found


def state_of(home, what, now=NOW):
    found = asked(home, what, now)
    return "broken" if found.is_broken else "advice" if found.hint else "fine"


def test_a_demo_wants_a_timer_and_a_backup_and_nothing_else(demo):
    found = list(examine(demo[0], ["kkbox", "ecommerce"], NOW))
    assert [one.what for one in found if one.is_broken] == []
    assert [one.what for one in found if one.hint] == ["last night", "backup"]
    assert {"model of kkbox", "published", "warehouse", "state"} <= {one.what for one in found}


def test_an_empty_home_is_not_broken(home):
    assert [one.what for one in examine(home, ["kkbox"], NOW) if one.is_broken] == []
    assert state_of(home, "folder") == "advice"


def garbage_state(home):
    home.state.write_bytes(b"garbage" * 1000)
    return "state"


def garbage_list(home):
    forgotten_file(home).write_text("{")
    return "list of the forgotten"


def cut_generation(home):
    path = current_file(home)
    path.chmod(0o600)
    path.write_bytes(path.read_bytes()[:5000])
    return "published"


def other_model(home):
    path = live_run(home, "kkbox") / "model.txt"
    path.write_text(path.read_text() + " ")
    return "model of kkbox"


@pytest.mark.parametrize("harm", [garbage_state, garbage_list, cut_generation, other_model])
def test_what_would_fail_the_night_is_broken_and_the_other_questions_are_asked(demo_copy, harm):
    what = harm(demo_copy)
    assert state_of(demo_copy, what) == "broken"
    assert asked(demo_copy, what).hint
    assert len(list(examine(demo_copy, ["kkbox"], NOW))) == 12


def test_room_modes_and_open_files(demo_copy, monkeypatch):
    usage = shutil.disk_usage(demo_copy.root)
    size = demo_copy.warehouse.stat().st_size
    for free, state in ((size - 1, "broken"), (1 << 29, "advice"), (1 << 40, "fine")):
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda _, f=free: usage._replace(free=f))
        assert state_of(demo_copy, "room on the disk") == state
    assert state_of(demo_copy, "owner alone") == "fine"
    demo_copy.state.chmod(0o644)
    assert "state.sqlite" in asked(demo_copy, "owner alone").words
    for limit, state in ((256, "advice"), (4096, "fine")):
        monkeypatch.setattr(doctor.resource, "getrlimit", lambda _, n=limit: (n, n))
        assert state_of(demo_copy, "open files") == state


def test_a_night_and_a_backup_grow_old(world, tmp_path):
    night = NightStatus(
        command="nightly",
        began_at=NOW,
        ended_at=NOW,
        exit_code=0,
        outcome="published",
        generation=None,
        is_new=False,
    )
    keep_status(world, night)
    assert state_of(world, "last night", NOW + timedelta(hours=30)) == "fine"
    assert state_of(world, "last night", NOW + timedelta(hours=40)) == "advice"
    keep_status(world, night.model_copy(update={"exit_code": 1, "outcome": "failed"}))
    assert state_of(world, "last night", NOW) == "advice"
    assert state_of(world, "backup") == "advice"
    made = back_up(world, tmp_path / "backups" / "one", lambda _: None)
    assert state_of(world, "backup", made.made_at + timedelta(days=1)) == "fine"
    assert state_of(world, "backup", made.made_at + timedelta(days=3)) == "advice"


def test_the_command_says_what_to_do(demo_copy, run_churn):
    done = run_churn(demo_copy.root, "doctor")
    assert done.returncode == 0, done.stderr
    assert "! backup: none can be reached\n  → churn backup FOLDER" in done.stdout
    other_model(demo_copy)
    done = run_churn(demo_copy.root, "doctor")
    assert done.returncode == 1
    assert "✗ model of kkbox" in done.stdout
