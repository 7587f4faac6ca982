"""A file that has changed since it was written is named, and nothing learns from it or shows it."""

import os
import random
import shutil
import subprocess

import duckdb
import pytest

from pipeline import steps
from pipeline.operations.verify import verify, verify_generation, verify_store
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.generations import current_file, first_whole
from pipeline.project.stores import HISTORY, LABELS, LAKE, MODELS, SCORES, check_stores, stores
from pipeline.project.sums import SUMS, add_sums, damages, read_sums, replaced_with_sum, write_sums
from pipeline.runs.context import RunContext
from pipeline.runs.rebuild import warehouse_damage, with_whole_warehouse
from pipeline.runs.registry import current_scores, live_run
from pipeline.steps import building

SHOP, OTHER = "ecommerce", "kkbox"


def flip(path, chance):
    """Flip one bit of a file and leave its size, time and mode, as a failing disk does."""
    before, content = path.stat(), bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.chmod(0o600)
    path.write_bytes(content)
    path.chmod(before.st_mode)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.fixture
def context(demo_copy, console):
    entries = {name: entry.resolved() for name, entry in domain_entries().items()}
    return RunContext(demo_copy, tuple(entries), entries, {}, console)


def test_a_demo_is_whole_and_every_file_of_it_has_a_hash(demo):
    home, _ = demo
    found = list(verify(home))
    assert [one for one in found if one.damages or one.note] == []
    names = {one.store.partition(" ")[0] for one in found}
    assert {"lake", "labels", "models", "scores", "history", "generation", "state"} <= names
    # a file that is read and that no store knows would be a hole
    hashed = {store.folder for domain in domain_entries() for store in stores(home, domain)}
    for place in (home.lake, home.labels, home.models, home.history):
        for path in place.rglob("*.parquet"):
            assert any(parent in hashed for parent in path.parents), path


@pytest.mark.parametrize("flips", [100, pytest.param(500, marks=pytest.mark.slow)])
def test_no_flipped_bit_goes_unnoticed(demo_copy, flips):
    home, chance = demo_copy, random.Random(flips)
    database = current_file(home)
    of_generation = [
        path
        for path in home.published.rglob("*")
        if database.stem in str(path) and path.is_file() and not path.is_symlink()
    ]
    places = {
        LAKE: [*home.lake.glob("*/*/*/**/*.parquet"), *home.lake.glob("*/*/*/_file.json")],
        LABELS: [*home.labels.glob("*/*/*.parquet"), *home.labels.glob("*/*/*.json")],
        SCORES: [*home.models.glob("*/*/scores/*/*.parquet")],
        MODELS: [*home.models.glob("*/*.parquet"), *home.models.glob("*/*/*.*")],
        HISTORY: [*home.history.glob("*/*.parquet")],
        "generation": of_generation,
    }
    assert all(places.values())
    missed = []
    for _ in range(flips):
        kind = chance.choice(list(places))
        path = chance.choice(sorted(one for one in places[kind] if one.suffix != ".md"))
        kept = home.root / "kept"
        shutil.copy2(path, kept)
        flip(path, chance)
        found = (
            [verify_generation(home, database.stem)]
            if kind == "generation"
            else [verify_store(home, domain, kind) for domain in (SHOP, OTHER)]
        )
        told = {damage.path for one in found for damage in one.damages}
        if path.suffix == ".sha256":
            # other files seem to have changed, or it cannot be read
            told = {path} if told else told
        if path not in told:
            missed.append(path)
        kept.replace(path)
    assert missed == []


def test_a_flipped_bit_of_the_hashes_is_a_damage_too(demo_copy):
    chance = random.Random(5)
    for sums in chance.sample(sorted(demo_copy.root.rglob(SUMS)), 20):
        whole = sums.read_bytes()
        flip(sums, chance)
        is_deep = "lake" in sums.parts
        assert damages(sums.parent, deep=is_deep), sums
        sums.write_bytes(whole)
        assert not damages(sums.parent, deep=is_deep)


@pytest.mark.parametrize("kind", [LAKE, LABELS, SCORES, MODELS, HISTORY])
def test_nothing_is_read_that_has_changed_is_gone_or_does_not_belong_there(demo_copy, kind):
    store = next(one for one in stores(demo_copy, OTHER, kind))
    path = next(
        path for path in sorted(store.folder.rglob("*.parquet")) if path.parent == store.folder
    )
    whole = path.read_bytes()
    flip(path, random.Random(1))
    with pytest.raises(ChurnError, match=f"{kind} of {OTHER} are damaged") as told:
        check_stores(demo_copy, OTHER, kind)
    assert f"{path}: its content has changed" in told.value.where
    assert "backup" in told.value.hint
    path.unlink()
    with pytest.raises(ChurnError) as told:
        check_stores(demo_copy, OTHER, kind)
    assert f"{path}: is gone" in told.value.where
    path.write_bytes(whole)
    check_stores(demo_copy, OTHER, kind)
    check_stores(demo_copy, SHOP, kind)
    stranger = path.with_name("stranger.parquet")
    stranger.write_bytes(whole)
    if store.is_closed:
        with pytest.raises(ChurnError, match="damaged"):
            check_stores(demo_copy, OTHER, kind)
    else:
        assert check_stores(demo_copy, OTHER, kind) == 1
        assert check_stores(demo_copy, OTHER, kind) == 0


def test_a_build_goes_on_without_the_domain_whose_labels_changed(context, monkeypatch):
    monkeypatch.setattr(building, "dbt_build", lambda *_, **__: pytest.fail("it read the labels"))
    path = next(context.home.labels.glob(f"{OTHER}/*/*.parquet"))
    flip(path, random.Random(2))
    # what is left is built as before, so that nothing is to be done; the lake is not read
    with pytest.raises(pytest.fail.Exception):
        steps.build(context, isolate=True)
    assert context.left_out == (OTHER,)
    assert str(path) in " ".join(context.console.export_text().split())


def test_damaged_scores_are_made_again_and_a_damaged_run_scores_nobody(context):
    run = live_run(context.home, OTHER)
    folder = run / "scores" / current_scores(context.home, OTHER).as_of_date
    (path,) = folder.glob("scores.parquet")
    rows = f"select customer_id, churn_probability from '{path}' order by all"
    before = duckdb.sql(rows).fetchall()
    flip(path, random.Random(3))
    steps.score(context, OTHER)
    assert "are damaged and are made again" in " ".join(context.console.export_text().split())
    assert context.exit_code == 4
    assert duckdb.sql(rows).fetchall() == before
    assert damages(folder) == []
    flip(run / "features.json", random.Random(4))
    with pytest.raises(ChurnError, match="are damaged") as told:
        steps.score(context, OTHER)
    assert "features.json" in told.value.where


def test_a_generation_whose_bundle_changed_is_not_the_one_that_is_read(demo_copy):
    database = current_file(demo_copy)
    for path in (
        next(iter(sorted(database.with_suffix(".plan").glob("*.parquet")))),
        next(iter(sorted((database.with_suffix("") / "realtime").glob("*.parquet")))),
        database.with_suffix(".json"),
    ):
        whole, mode = path.read_bytes(), path.stat().st_mode
        flip(path, random.Random(6))
        assert first_whole(demo_copy, [database.stem]) is None, path
        path.chmod(0o600)
        path.write_bytes(whole)
        path.chmod(mode)
        assert first_whole(demo_copy, [database.stem]) == database


def test_a_damaged_warehouse_is_thrown_away_and_built_again(context):
    """Whether it is found at once or by a block that is read late."""
    home, done = context.home, []
    home.warehouse.write_bytes(home.warehouse.read_bytes()[:5000])
    assert warehouse_damage(home)
    with_whole_warehouse(context, lambda: done.append(home.warehouse.exists()))
    assert done == [False]
    assert "was damaged and is built again" in " ".join(context.console.export_text().split())

    def late():
        done.append("work")
        if done.count("work") == 1:
            home.warehouse.write_bytes(b"DUCK")
            raise duckdb.IOException("IO Error: Corrupt database file: computed checksum 1 …")
        assert not home.warehouse.exists()

    context.outcomes["kkbox"] = {1}
    with_whole_warehouse(context, late)
    assert done.count("work") == 2
    # the failure was the warehouse's fault
    assert context.exit_code == 4


def test_what_is_not_a_damaged_warehouse_is_told_and_keeps_it(context):
    def fails():
        raise duckdb.BinderException("Binder Error: no such column")

    with pytest.raises(duckdb.BinderException):
        with_whole_warehouse(context, fails)
    assert context.home.warehouse.exists()


def test_a_killed_replacement_leaves_the_old_file_or_the_new_one_and_both_are_whole(
    tmp_path, monkeypatch
):
    path = tmp_path / "live.parquet"
    path.write_bytes(b"old")
    write_sums(tmp_path)
    from pipeline.project import sums

    for moved in (False, True):
        with monkeypatch.context() as patched:

            def killed(part, target, moved=moved):
                if moved:
                    part.replace(target)
                raise KeyboardInterrupt

            patched.setattr(sums, "move_durably", killed)
            with pytest.raises(KeyboardInterrupt), replaced_with_sum(path) as part:
                part.write_bytes(b"new")
        assert path.read_bytes() == (b"new" if moved else b"old")
        assert damages(tmp_path, is_closed=False) == []
    path.write_bytes(b"odd")
    assert damages(tmp_path, is_closed=False)
    add_sums([path])
    assert len(read_sums(tmp_path / SUMS)[path.name]) == 1


def test_the_hashes_are_those_of_sha256sum(tmp_path):
    for name in ("a b.parquet", "x=1/y.parquet", "back\\slash", "line\nend"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    write_sums(tmp_path, deep=True)
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", SUMS], cwd=tmp_path, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout.count("OK")) == (0, 4), done
    assert damages(tmp_path, deep=True) == []


def test_the_command_names_the_file_and_what_to_do(demo_copy, run_churn):
    path = next(iter(sorted(demo_copy.lake.glob("kkbox/*/*/data.parquet"))))
    flip(path, random.Random(7))
    done = run_churn(demo_copy.root, "verify")
    assert done.returncode == 1
    assert f"{path}: its content has changed since it was written" in done.stdout
    assert "→ Restore the files from a backup" in done.stdout
    assert done.stdout.splitlines()[-1].endswith("1 damaged.")
