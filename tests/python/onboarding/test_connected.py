"""Tables of a database become a domain whose nights read what is new there."""

import json

import pytest
import yaml
from made_orders import write_made_orders
from postgres_server import asks, database, postgres
from project_copy import churn, published

from pipeline.onboarding.connect import ConnectionWishes, propose_connected
from pipeline.onboarding.domain import Wishes
from pipeline.project.connection_settings import ConnectionSettings
from pipeline.project.errors import ChurnError

__all__ = ["asks", "database", "postgres"]

VARIABLE = "TILL_DATABASE_URL"


@pytest.fixture
def sales(asks, database, tmp_path, monkeypatch):
    """Sales in the database, as the files of a till have them, and the address in a variable."""
    import duckdb
    from adbc_driver_postgresql import dbapi

    folder = tmp_path / "sales"
    write_made_orders(folder)
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"""
            select
                cast(row_number() over () as bigint) as id,
                "Bill No" as bill_no,
                strptime("Sold On", '%d.%m.%Y') + interval '12 hours' as sold_on,
                "Card" as card,
                cast("Total" as double) as total,
                cast("Qty" as integer) as qty,
                strptime("Sold On", '%d.%m.%Y') + interval '12 hours' as updated_at
            from read_csv('{folder}/*.csv', all_varchar = true)
            where try_strptime("Sold On", '%d.%m.%Y') is not null
            """
        ).to_arrow_table()
    with dbapi.connect(database) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("sales", rows, mode="create")
        cursor.execute("alter table sales add primary key (id)")
        connection.commit()
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


@pytest.mark.slow
def test_tables_of_a_database_become_scores_and_the_next_night_reads_what_is_new(
    sales, database, project, home
):
    churn(
        project,
        home,
        *("domain", "new", "till", "--kind", "no_contract", "--from", f"env:{VARIABLE}"),
        *("--append-only", "a till prints each bill once"),
    )
    text = (project / "dbt_project.yml").read_text()
    assert f"env:{VARIABLE}" in text
    assert database not in text
    churn(project, home, "pull", "--domain", "till")
    churn(project, home, "run", "--domain", "till")
    scored, actions, _ = published(home, "till")
    assert scored > 100
    assert actions > 0
    sales(
        "insert into sales select max(id) + 1, 'b1', max(sold_on), min(card), 5, 1, max(updated_at)"
        " from sales",
        "update sales set total = 1, updated_at = (select max(updated_at) from sales) where id = 7",
        "delete from sales where id = (select max(id) - 1 from sales)",
    )
    said = churn(project, home, "nightly", "--domain", "till")
    assert "1 new, 1 updated, 1 deleted" in said
    assert "1 rows are deleted there" in said
    status = json.loads((home.root / "status.json").read_text())
    assert status["exit_code"] in (0, 4)
    told = b"".join(
        path.read_bytes()
        for path in home.root.rglob("*")
        if path.is_file() and path.suffix in (".json", ".yml", ".sql", ".log", ".sqlite")
    )
    assert database.encode() not in told
