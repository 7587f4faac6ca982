"""What is true of every domain of a kind is implemented once, in SQL that two engines run."""

import re

import pytest

from pipeline.project.domains import domain_entries
from pipeline.project.home import PROJECT
from pipeline.warehouse.blame import FailedNode, domains_to_blame
from pipeline.warehouse.compiled_sql import own_part
from pipeline.warehouse.dbt import DbtError

KINDS = sorted({entry.kind for entry in domain_entries().values()})
MODELS = sorted(path for kind in KINDS for path in (PROJECT / "models" / kind).rglob("*.sql"))
# Not on every engine, or a list of one engine's own.
NOT_SHARED = re.compile(
    r"\b(qualify|pivot|unpivot|exclude|asof|strftime|varchar|hugeint)\b|\b(arg_max|arg_min|unnest"
    r"|generate_series|range|list\w*|array\w*|struct\w*|regexp\w*|epoch\w*)\s*\(|::|//|\[\d"
    # Sail reads neither a grouping by all nor this word as an alias
    r"|\b(group|order) by all\b|\bas settings\b",
    re.IGNORECASE,
)
WINDOW = re.compile(r"\)\s*over\s*(\(|\w)", re.IGNORECASE)
# Folders of macros that the models of kinds call.
ROOMS = ("control", "exact", "identities", "kinds", "labels", "time")
COMMENT = re.compile(r"--[^\n]*|\{#.*?#\}", re.DOTALL)
JINJA = re.compile(r"\{%.*?%\}", re.DOTALL)


def sql_of(path):
    """The SQL of a file without comments and statements of Jinja."""
    return JINJA.sub("", COMMENT.sub("", path.read_text()))


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_kind_is_written_in_sql_that_a_second_engine_runs(path):
    assert [found[0] for found in NOT_SHARED.finditer(sql_of(path))] == []


@pytest.mark.parametrize(
    "words",
    [
        "x qualify y",
        "x::int",
        "list_sort(x)",
        "x[1]",
        "7 // 2",
        "group by all",
        "as settings",
        "cast(x as varchar)",
    ],
)
def test_the_rule_sees_what_is_not_shared(words):
    assert NOT_SHARED.search(words)


@pytest.mark.parametrize(
    "path",
    sorted(path for room in ROOMS for path in (PROJECT / "macros" / room).rglob("*.sql")),
    ids=lambda path: path.stem,
)
def test_no_macro_of_a_kind_hides_a_window_function(path):
    """A reader of a model sees every order that it depends on; the map of ids is no model's."""
    if path.stem != "identities_resolved":
        assert not WINDOW.search(sql_of(path).lower()), path.name


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_kind_names_no_domain_and_loops_over_none(path):
    """But for the unions, which are macros of macros/kinds and take the domains of the kind."""
    text = path.read_text()
    assert [name for name in domain_entries() if re.search(rf"\b\w*{name}\w*\b", text)] == []
    assert "churn_domains" not in text
    assert "built_domains" not in text


@pytest.mark.parametrize("domain", domain_entries())
def test_a_domains_folder_holds_mapping_corrections_extensions_and_marts_only(domain):
    folders = {path.name for path in (PROJECT / "models" / domain).iterdir() if path.is_dir()}
    assert folders <= {"staging", "corrections", "extensions", "marts", "serving"}


def test_a_domains_part_of_a_union_is_its_own():
    sql = (
        "-- domain: a\nselect 1 as x\nunion all\n-- domain: b\nselect 2 as x\nunion all\n"
        "-- domain: none\nselect cast(null as integer) as x where false"
    )
    assert own_part(sql, "a") == "select 1 as x"
    assert own_part(sql, "b") == "select 2 as x"
    assert own_part(sql, "c") == "select cast(null as integer) as x where false"


def test_a_model_of_a_kind_that_fails_is_the_fault_of_all_its_domains(home):
    error = DbtError("dbt failed")
    model = "models/no_contract/intermediate/int_no_contract__orders_placed.sql"
    error.failed = (FailedNode("int_no_contract__orders_placed", model, False, "", "boom"),)
    of_kind = {name for name, entry in domain_entries().items() if entry.kind == "no_contract"}
    assert domains_to_blame(home, error, tuple(domain_entries())).keys() == of_kind
