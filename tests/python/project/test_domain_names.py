"""A name that would break a schema, a folder or the YAML is refused before anything is made."""

import re

import duckdb
import pytest

from pipeline.project import domain_names, domains
from pipeline.project.domain_names import check_domain_name
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT


def is_refused(name):
    try:
        check_domain_name(name)
    except ChurnError:
        return True
    return False


def works_as_schema(name):
    with duckdb.connect() as connection:
        connection.execute("attach ':memory:' as warehouse; use warehouse")
        try:
            connection.execute(f"create schema if not exists {name}")
            connection.execute(f"create table {name}.{name}__labels as select 1 as a")
            connection.execute(f"select labels.a from {name}.{name}__labels as labels")
        except duckdb.Error:
            return False
    return True


def test_every_word_that_duckdb_does_not_take_as_a_schema_is_refused():
    words = duckdb.sql("select keyword_name, keyword_category from duckdb_keywords()").fetchall()
    names = [word for word, _ in words if re.fullmatch(r"[a-z][a-z0-9]*", word)]
    assert len(names) > 400
    assert [name for name in names if not works_as_schema(name) and not is_refused(name)] == []
    reserved = {word for word, category in words if category == "reserved"}
    assert {"order", "select", "group", "table", "end", "all"} <= reserved
    assert [name for name in reserved if "_" not in name and not is_refused(name)] == []
    # and no more words than that
    assert [name for name in domain_names._WORDS_OF_SQL.split() if works_as_schema(name)] == []


def test_every_schema_of_a_warehouse_is_refused(demo):
    home, _ = demo
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        found = connection.execute(
            "select distinct schema_name from duckdb_schemas() where not internal"
        ).fetchall()
    schemas = {name for (name,) in found} - set(domain_entries())
    assert {"churn", "serving", "control", "ml", "lake", "seeds", "state"} <= schemas
    assert [name for name in schemas if not is_refused(name)] == []


@pytest.mark.parametrize("name", ["telco", "orders", "dev2", "kkbox", "shop", "left2"])
def test_other_names_are_taken(name):
    assert check_domain_name(name) == name
    assert works_as_schema(name)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("order", "word of SQL"),
        ("lake", "schema"),
        ("tel-co", "not a valid"),
        ("no", "not a valid"),
    ],
)
def test_a_name_in_the_file_is_refused_with_its_place(tmp_path, monkeypatch, name, words):
    text = (PROJECT / "dbt_project.yml").read_text().replace("\n    kkbox:\n", f"\n    {name}:\n")
    (tmp_path / "dbt_project.yml").write_text(text)
    monkeypatch.setattr(domains, "PROJECT", tmp_path)
    with pytest.raises(ChurnError, match=words) as refusal:
        domain_entries()
    assert "dbt_project.yml: vars.churn_domains." in refusal.value.where


def test_a_domain_that_is_called_like_a_file_of_the_generators_has_no_generator(home, console):
    from pipeline.demo import generate

    assert generate("arrays", home, scale=1, seed=1, console=console) is False
