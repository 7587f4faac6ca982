"""A shop whose orders are in a database, and a project whose entry names it."""

import json
from functools import partial

import pytest
from connections_world import ORDERS, SOURCES, VARIABLE
from postgres_server import asks, database, postgres

from pipeline.project.domain_settings import DomainSettings
from pipeline.project.domains import domain_entries
from pipeline.project.sources import source_tables

__all__ = ["asks", "database", "postgres"]


@pytest.fixture
def connects(tmp_path, monkeypatch):
    """A function that gives the domain `till` a connection to an address, with its tables."""
    project = tmp_path / "project"
    (project / "models" / "till").mkdir(parents=True)
    (project / "models" / "till" / "_till__sources.yml").write_text(SOURCES)
    shop = domain_entries()["ecommerce"].given()
    tables_of = partial(source_tables, project=project)
    for module in ("pipeline.connections.pull", "pipeline.ingest.run"):
        monkeypatch.setattr(f"{module}.source_tables", tables_of)

    def connect(address, *, is_store=False, **tables):
        monkeypatch.setenv(VARIABLE, address)
        connection = {"url": f"env:{VARIABLE}"}
        if not is_store:
            connection["tables"] = tables or {"orders": ORDERS}
        document = json.dumps(shop | {"connection": connection})
        entry = DomainSettings.model_validate_json(document)
        monkeypatch.setattr("pipeline.connections.pull.domain_entries", lambda: {"till": entry})

    return connect


@pytest.fixture
def shop(asks):
    """Orders of three days in the database, as a shop's own system writes them."""
    asks(
        "create type order_status as enum ('paid', 'refunded')",
        """create table orders (
            order_id bigint primary key,
            customer bigint,
            ordered_at timestamptz not null,
            amount numeric(10, 2),
            status order_status,
            note uuid,
            updated_at timestamptz not null
        )""",
        """insert into orders
        select
            n,
            1000 + n % 50,
            timestamptz '2026-03-01 10:00:00+02' + n * interval '1 hour',
            n + 0.25,
            'paid',
            null,
            timestamptz '2026-03-01 10:00:00+02' + n * interval '1 hour'
        from generate_series(1, 200) as n""",
    )
    return asks
