"""The address of a database is in no file, no message and no log."""

import json
import os

import pytest
from connections_world import ORDERS, VARIABLE

from pipeline.connections.pull import pull
from pipeline.operations.data_map import NONE, ROWS, mapped_files
from pipeline.operations.pulling import pull_and_read
from pipeline.operations.rewriting import take_out_rows
from pipeline.project.databases import without_address
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.forgotten import forget
from pipeline.runs.nights import begin_night

PASSWORD = "correct-horse%21"


@pytest.fixture
def secret(database):
    return database.replace("owner@", f"owner:{PASSWORD}@")


def everything(home):
    return b"".join(path.read_bytes() for path in home.root.rglob("*") if path.is_file())


def test_neither_a_pull_nor_a_failure_writes_the_address(
    shop, secret, connects, home, console, capfd
):
    connects(secret)
    log = begin_night(home, "pull")
    pull_and_read(home, "till", console, log=log)
    shop("alter table orders rename column amount to total")
    told = []
    for address in (secret, secret.replace("/test_", "/not_there_")):
        connects(address)
        with pytest.raises(ChurnError) as failure:
            pull_and_read(home, "till", console, log=log)
        log.refuse("till", failure.value)
        told.append(str(failure.value))
    log.end(1)
    assert f"env:{VARIABLE}" in told[1]
    said = "".join((*told, console.export_text(), *capfd.readouterr()))
    host = secret.partition("@")[2].partition("/")[0]
    for word in (PASSWORD, "correct-horse!", host, secret):
        assert word not in said
        assert word.encode() not in everything(home)
    assert b"order_id" in everything(home)


def test_a_database_that_refuses_is_told_in_its_words_without_the_address(
    shop, secret, connects, home
):
    name = f"reader_{os.urandom(4).hex()}"
    shop(f"create role {name} login")
    address = secret.replace("owner:", f"{name}:")
    connects(address)
    with pytest.raises(ChurnError, match="permission denied for table orders") as failure:
        pull("till", home)
    assert failure.value.where == f"env:{VARIABLE}"
    for part in (address, PASSWORD, name):
        assert part not in str(failure.value)
    assert not any(home.landing.rglob("*"))


def test_words_of_a_driver_are_told_without_any_part_of_the_address():
    words = without_address(
        'connection to server at "db.shop.example" (10.0.0.9), port 5432 failed: FATAL: password '
        'authentication failed for user "ann": s3c!ret',
        "postgresql://ann:s3c%21ret@db.shop.example/orders",
    )
    assert words == (
        'connection to server at "…" (10.0.0.9), port 5432 failed: FATAL: password authentication '
        'failed for user "…": …'
    )


@pytest.mark.parametrize(
    "url", ["postgresql://ann:secret@db/orders", "postgresql://db/orders?password=secret"]
)
def test_an_entry_with_a_password_is_refused_and_does_not_repeat_it(url):
    entry = domain_entries()["ecommerce"].given()
    connection = {"url": url, "tables": {"events": ORDERS}}
    with pytest.raises(ValueError, match="The address holds a password") as refusal:
        DomainSettings.model_validate_json(json.dumps(entry | {"connection": connection}))
    assert "secret" not in refusal.value.errors(include_input=False)[0]["msg"]


def test_a_variable_that_is_not_set_is_named(shop, database, connects, home, monkeypatch):
    connects(database)
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(ChurnError, match=f"The environment variable {VARIABLE} is not set"):
        pull("till", home)


def test_every_file_of_the_landing_has_an_eraser(shop, database, connects, home):
    connects(database)
    pull("till", home)
    shop("update orders set amount = 1, updated_at = '2026-03-10' where order_id = 9")
    pull("till", home)
    erasers = {
        path.relative_to(home.root).as_posix(): kind.eraser for path, kind in mapped_files(home)
    }
    assert erasers == {
        "landing/till/files/orders_000001.parquet": ROWS,
        "landing/till/changes/orders_000002.parquet": ROWS,
        "landing/till/pulled.json": NONE,
    }
    # ids are texts there, whatever they are in the database, in which an erasure looks for them
    files = [path for path, kind in mapped_files(home) if kind.eraser == ROWS]
    assert [take_out_rows(path, ["1009"]) for path in files] == [1, 4]
    assert [take_out_rows(path, ["1009"]) for path in files] == [0, 0]


def test_a_forgotten_customer_does_not_come_back_with_a_pull(shop, database, connects, home):
    forget(home, "till", ["1007"])
    connects(database)
    done = pull("till", home)
    assert (done.tables[0].counts.new, done.tables[0].counts.forgotten) == (196, 4)
    shop("update orders set amount = 1, updated_at = '2026-03-10' where customer in (1007, 1008)")
    assert pull("till", home).tables[0].counts.updated == 4
    assert b"1007" not in everything(home)
