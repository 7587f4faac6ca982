"""What a connection of a new domain is taken to be."""

import json

import pytest
import yaml
from made_orders import write_made_orders
from made_till import load_made_till
from postgres_server import asks, database, postgres

from pipeline.onboarding.connect import ConnectionWishes, propose_connected
from pipeline.onboarding.domain import Wishes, propose
from pipeline.project.connection_settings import ConnectionSettings
from pipeline.project.errors import ChurnError

__all__ = ["asks", "database", "postgres"]

VARIABLE = "TILL_DATABASE_URL"


@pytest.fixture
def sales(asks, database, monkeypatch):
    """Sales in the database, as the files of a till have them, and the address in a variable."""
    load_made_till(database)
    monkeypatch.setenv(VARIABLE, database)
    return asks


def connection_of(proposal):
    return yaml.safe_load(proposal.texts.entry)["till"]["connection"]


def test_the_entry_has_the_variable_the_key_and_the_cursor_and_never_the_address(sales, database):
    url = f"env:{VARIABLE}"
    said = ConnectionWishes(append_only="a till prints each bill once")
    proposal = propose_connected("till", "no_contract", url, Wishes(), said)
    ((name, table),) = connection_of(proposal)["tables"].items()
    assert name == proposal.found.table.name
    assert table == {
        "table": "public.sales",
        "key": ["id"],
        "cursor": "updated_at",
        "history": "append_only",
        "reason": "a till prints each bill once",
    }
    assert connection_of(proposal)["url"] == url
    assert database not in proposal.texts.entry
    document = json.dumps(connection_of(proposal))
    ConnectionSettings.model_validate_json(document)
    roles = {role: column.header for role, column in proposal.found.roles.items() if column}
    assert roles["customer"] == "card"
    # not the one that moves with every update, which knows the future
    assert roles["time"] == "sold_on"


def test_what_the_database_cannot_say_is_assumed_or_asked(sales, database):
    url = f"env:{VARIABLE}"
    said = ConnectionWishes(cursor="none")
    assumed = propose_connected("till", "no_contract", url, Wishes(), said).assumed
    assert any("--append-only REASON" in words for words in assumed)
    assert any("--cursor NAME" in words for words in assumed)
    with pytest.raises(ChurnError, match="has no column 'changed'"):
        propose_connected("till", "no_contract", url, Wishes(), ConnectionWishes(cursor="changed"))
    sales("alter table sales drop constraint sales_pkey")
    with pytest.raises(ChurnError, match="has no primary key"):
        propose_connected("till", "no_contract", url, Wishes(), said)
    sales("create table returns (id int)")
    with pytest.raises(ChurnError, match="it is not said which one is meant") as refusal:
        propose_connected("till", "no_contract", url, Wishes(), said)
    assert refusal.value.where == "public.returns, public.sales"
    with pytest.raises(ChurnError, match="The address holds a password"):
        address = database.replace("owner@", "owner:secret@")
        propose_connected("till", "no_contract", address, Wishes(), said)


def test_an_order_that_may_be_given_back_later_becomes_an_event(sales):
    sales(
        "alter table sales add column status text default 'paid'",
        "update sales set status = 'refunded' where total < 0",
        "update sales set total = abs(total), qty = abs(qty)",
    )
    wishes, said = Wishes(), ConnectionWishes(append_only="why")
    proposal = propose_connected("till", "no_contract", f"env:{VARIABLE}", wishes, said)
    (table,) = connection_of(proposal)["tables"].values()
    assert table["becomes"] == {"column": "status", "values": ["refunded"]}


def test_files_of_a_store_are_profiled_like_those_of_a_folder(tmp_path):
    write_made_orders(tmp_path / "sales")
    url = (tmp_path / "sales").as_uri()
    proposal = propose_connected("till", "no_contract", url, Wishes(), ConnectionWishes())
    assert connection_of(proposal) == {"url": url}
    own = propose("till", "no_contract", tmp_path / "sales", Wishes())
    assert proposal.texts.entry.startswith(own.texts.entry.rstrip())
    assert proposal.texts.files == own.texts.files
    with pytest.raises(ChurnError, match="are for a database"):
        said = ConnectionWishes(cursor="changed")
        propose_connected("till", "no_contract", url, Wishes(), said)
