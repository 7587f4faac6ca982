"""Files of an object store are read when they are new or changed, and no copy of them stays."""

import pytest
from connections_world import SOURCES, VARIABLE, content_of, lake_rows
from object_store import bucket, s3

from pipeline.connections import stores
from pipeline.connections.pull import pull
from pipeline.connections.stores import note_loaded
from pipeline.ingest import ingest
from pipeline.operations.data_map import DROP, NONE, mapped_files
from pipeline.operations.pulling import pull_and_read
from pipeline.project.connection_settings import ConnectionSettings
from pipeline.project.errors import ChurnError
from pipeline.project.sources import source_tables

__all__ = ["bucket", "s3"]

HEADER = "customer,ordered_at,amount,status\n"
MARCH = f"{HEADER}1,2026-03-01 10:00:00,5,paid\n2,2026-03-02 10:00:00,6,paid\n"
APRIL = f"{HEADER}1,2026-04-01 10:00:00,7,paid\n"
COLUMNS = "customer, ordered_at::date::varchar, amount"


@pytest.fixture
def store(bucket, connects, monkeypatch):
    monkeypatch.setattr(stores, "_YOUNG", 0)
    connects(bucket.address, is_store=True)
    bucket.put("orders_2026-03.csv", MARCH)
    bucket.put("readme.txt", "nothing to read here")
    return bucket


def landed(home):
    return sorted(path.name for path in (home.landing / "till/files").iterdir())


def test_what_is_new_or_changed_is_read_once_and_what_is_gone_is_told_once(store, home, console):
    assert pull_and_read(home, "till", console) == []
    assert lake_rows(home, COLUMNS) == [("1", "2026-03-01", 5.0), ("2", "2026-03-02", 6.0)]
    assert landed(home) == []
    store.put("2026/orders_04.csv", APRIL)
    done = pull("till", home)
    # patterns are those of a folder without folders
    assert (done.copied.there, done.copied.new, done.copied.others) == (1, (), 2)
    store.remove("2026/orders_04.csv")
    store.put("orders_2026/04.csv", APRIL)
    store.put("orders_2026-03.csv", MARCH.replace(",6,", ",8.0,"))
    done = pull("till", home)
    assert (done.copied.new, done.copied.changed) == (
        ("orders_2026-04.csv",),
        ("orders_2026-03.csv",),
    )
    ingest("till", done.folder, home, console=console)
    note_loaded(home, "till")
    found = [("1", "2026-03-01", 5.0), ("1", "2026-04-01", 7.0), ("2", "2026-03-02", 8.0)]
    assert lake_rows(home, COLUMNS) == found
    before = content_of(home.lake)
    assert pull_and_read(home, "till", console) == []
    store.remove("orders_2026-03.csv")
    (told,) = pull_and_read(home, "till", console)
    assert "orders_2026-03.csv are no longer there" in told
    assert pull_and_read(home, "till", console) == []
    assert content_of(home.lake) == before
    said = console.export_text()
    assert f"till: env:{VARIABLE} 1 files: 1 new; 1 others that no table takes" in said
    assert "1 files: 0 new, 1 gone" in said


def test_a_file_that_was_young_when_it_was_copied_is_copied_again(store, home, monkeypatch):
    monkeypatch.setattr(stores, "_YOUNG", 3600 * 10**9)
    assert pull("till", home).copied.new == ("orders_2026-03.csv",)
    note_loaded(home, "till")
    assert pull("till", home).copied.changed == ("orders_2026-03.csv",)
    monkeypatch.setattr(stores, "_YOUNG", 0)
    pull("till", home)
    note_loaded(home, "till")
    assert pull("till", home).copied.changed == ()


def test_a_file_that_is_not_loaded_comes_again(store, home, console):
    rows = "".join(f"{n + 1},never,5,paid\n" for n in range(50))
    store.put("orders_2026-05.csv", MARCH + rows)
    for _ in range(2):
        with pytest.raises(ChurnError, match="quarantine"):
            pull_and_read(home, "till", console)
        assert landed(home) == ["orders_2026-03.csv", "orders_2026-05.csv"]
    kinds = {path.name: kind.eraser for path, kind in mapped_files(home)}
    assert kinds["orders_2026-03.csv"] == DROP
    assert kinds["copied.json"] == NONE
    store.remove("orders_2026-05.csv")
    assert pull_and_read(home, "till", console) == []
    assert len(lake_rows(home, COLUMNS)) == 2


def test_rows_that_came_from_a_database_before_stay(store, home, console):
    kept = home.landing / "till/files/orders_000001.parquet"
    kept.parent.mkdir(parents=True)
    kept.write_bytes(b"rows of a database")
    pull("till", home)
    note_loaded(home, "till")
    pull("till", home)
    assert landed(home) == [kept.name]


def test_a_file_comes_again_where_its_table_is_read_by_other_rules(store, home, console, tmp_path):
    pull_and_read(home, "till", console)
    path = tmp_path / "project/models/till/_till__sources.yml"
    path.write_text(SOURCES.replace("{min: 0}", "{min: 6}"))
    source_tables.cache_clear()
    done = pull("till", home)
    assert done.copied.changed == ("orders_2026-03.csv",)
    ingest("till", done.folder, home, console=console)
    note_loaded(home, "till")
    assert lake_rows(home, "amount") == [(6.0,)]
    assert pull("till", home).copied.changed == ()


def test_a_pull_that_breaks_off_leaves_everything_as_it_was(store, home, console, monkeypatch):
    pull_and_read(home, "till", console)
    store.put("orders_2026-04.csv", APRIL)
    store.put("orders_2026-05.csv", APRIL.replace("-04-", "-05-"))
    before = content_of(home.root)
    copy = stores._Folder.copy

    def breaks(self, one, target):
        copy(self, one, target)
        if target.name == "orders_2026-05.csv":
            raise OSError(28, "No space left on device", str(target))

    with monkeypatch.context() as broken:
        broken.setattr(stores._Folder, "copy", breaks)
        with pytest.raises(ChurnError, match="No space left"):
            pull("till", home)
    assert content_of(home.root) == before
    assert len(pull("till", home).copied.new) == 2


@pytest.mark.parametrize("end", ["not-there", "nobody"])
def test_a_store_that_does_not_answer_is_told_without_its_address(
    store, home, connects, end, monkeypatch
):
    if end == "nobody":
        address = "s3://key:s3cret@exports/x?endpoint_override=127.0.0.1:9&scheme=http&region=x"
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    else:
        address = store.address.replace("?", f"/{end}?")
    connects(address, is_store=True)
    with pytest.raises(ChurnError, match="store cannot be read") as failure:
        pull("till", home)
    said = str(failure.value)
    assert f"env:{VARIABLE}" in said
    for secret in ("s3cret", "127.0.0.1", "exports"):
        assert secret not in said
    assert not (home.landing / "till").exists()


def test_a_store_has_files_and_a_database_has_tables(connects, home, bucket):
    with pytest.raises(ValueError, match="tables of the database are missing"):
        ConnectionSettings.model_validate({"url": "postgresql://reader@host/shop"})
    table = {"orders": {"table": "orders", "key": ("id",)}}
    with pytest.raises(ValueError, match="has files and no tables"):
        ConnectionSettings.model_validate({"url": "s3://exports/orders", "tables": table})
    connects(bucket.address)
    with pytest.raises(ChurnError, match="has files and no tables"):
        pull("till", home)
    connects("postgresql://127.0.0.1:9/shop", is_store=True)
    with pytest.raises(ChurnError, match="tables of the database are missing"):
        pull("till", home)
