"""A pull that is killed tears nothing: the next one brings the same rows."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest
from connections_world import ORDERS, content_of, lake_rows

from pipeline.connections.pull import pull
from pipeline.ingest import ingest

# Pulls in a process of its own, which waits where it is told and is killed there.
WAITING = """
import json, sys, time
from functools import partial
from pathlib import Path
import pyarrow.parquet as pq
from pipeline.connections import landing, pull
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.domains import domain_entries
from pipeline.project.home import Home
from pipeline.project.sources import source_tables

place, home, project, orders = sys.argv[1:]
shop = domain_entries()["ecommerce"].given()
connection = {"url": "env:SHOP_DATABASE_URL", "tables": {"orders": json.loads(orders)}}
entry = DomainSettings.model_validate_json(json.dumps(shop | {"connection": connection}))
pull.domain_entries = lambda: {"till": entry}
pull.source_tables = partial(source_tables, project=Path(project))

def wait(*_):
    print("here", flush=True)
    time.sleep(600)

if place == "copy":
    write = pq.ParquetWriter.write_batch
    def first_batch(writer, batch):
        write(writer, batch)
        wait()
    pq.ParquetWriter.write_batch = first_batch
elif place == "files":
    move = pull.move_durably
    def first_file(part, target):
        move(part, target)
        wait()
    pull.move_durably = first_file
else:
    landing.Landing.write_state = wait
pull.pull("till", Home(Path(home)))
"""


@pytest.fixture
def kills(home, tmp_path):
    """A function that starts a pull and kills it at a place."""

    def kill(place):
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", WAITING, place, home.root, tmp_path / "project"),
                json.dumps(ORDERS),
            ],
            stdout=subprocess.PIPE,
            env=os.environ,
            text=True,
        )
        assert process.stdout.readline() == "here\n"
        os.kill(process.pid, signal.SIGKILL)
        process.wait(30)
        time.sleep(0.1)

    return kill


@pytest.mark.parametrize("place", ["copy", "files", "state"])
@pytest.mark.parametrize("is_first", [True, False])
def test_a_pull_that_is_killed_anywhere_loses_and_tears_nothing(
    place, is_first, shop, database, connects, home, console, kills
):
    connects(database)
    if not is_first:
        done = pull("till", home)
        ingest("till", done.folder, home, console=console)
    lake = content_of(home.lake)
    shop(
        # several batches of a copy
        "insert into orders select n, n % 99 + 1, '2026-03-10', 5, 'paid', gen_random_uuid(), "
        "'2026-03-10' from generate_series(1001, 100000) as n",
        "update orders set status = 'refunded', updated_at = '2026-03-10' where order_id = 190",
    )
    kills(place)
    assert content_of(home.lake) == lake
    assert not (home.landing / "till" / "files").exists() or not any(
        path.name.endswith(".part") for path in home.landing.rglob("*")
    )
    done = pull("till", home)
    counts = done.tables[0].counts
    assert (counts.new, counts.updated) == (99_200, 0) if is_first else (99_000, 1)
    ingest("till", done.folder, home, console=console)
    assert len(lake_rows(home, "customer")) == 99_200
    assert pull("till", home).tables[0].counts.new == 0
    assert not any(home.work.glob("pull-*"))


def test_a_pull_that_was_killed_and_ingested_by_hand_counts_no_row_twice(
    shop, database, connects, home, console, kills
):
    connects(database)
    kills("state")
    ingest("till", home.landing / "till" / "files", home, console=console)
    shop("insert into orders values (201, 7, '2026-03-10', 5, 'paid', null, '2026-03-10')")
    done = pull("till", home)
    ingest("till", done.folder, home, console=console)
    assert len(lake_rows(home, "customer")) == 201
