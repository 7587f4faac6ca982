"""Features rest on corrections, labels never do; one that looks ahead is named by the proof."""

import json
from datetime import date

import duckdb
import pytest

from pipeline.corrections.catalogue import corrections_of
from pipeline.project.domains import domain_entries
from pipeline.project.home import Home
from pipeline.proofs.time_travel import Comparison, with_corrections
from pipeline.warehouse.compiled_sql import CompiledModel, read_manifest

NAME = "periods_expiries_restated"


def upstream(manifest, name):
    """Names of the models that a model rests on."""
    todo = [key for key in manifest["nodes"] if key.endswith(f".{name}")]
    seen = set()
    while todo:
        new = set(manifest["parent_map"].get(todo.pop(), ())) - seen
        seen |= new
        todo += new
    return {key.rpartition(".")[2] for key in seen}


@pytest.fixture(scope="module")
def manifest(tmp_path_factory, run_dbt):
    """dbt's manifest with every correction adopted."""
    home = Home(tmp_path_factory.mktemp("adopted"))
    entries = {name: entry.given() for name, entry in domain_entries().items()}
    for name, entry in entries.items():
        entry["corrections"] = list(corrections_of(name))
    done = run_dbt(home.root, "parse", "--vars", json.dumps({"churn_domains": entries}))
    assert done.returncode == 0, done.stdout[-3000:]
    return read_manifest(home)


@pytest.mark.parametrize("domain", [name for name in domain_entries() if corrections_of(name)])
def test_labels_rest_on_the_raw_rows_and_features_on_the_corrected_ones(manifest, domain):
    corrected = {correction.model for correction in corrections_of(domain).values()}
    assert corrected <= upstream(manifest, f"int_{domain}__features_joined")
    for labels in (f"{domain}__labels", f"{domain}__label_cohorts"):
        assert not corrected & upstream(manifest, labels), labels


def test_a_correction_that_looks_past_the_cut_off_is_named():
    """It takes the expiry from the member's next payment, which may be after the cut-off."""
    relation = f"kkbox.int_kkbox__{NAME}"
    ahead = (
        "select customer_id, transacted_on, coalesce(lead(expires_on) over "
        "(partition by customer_id order by transacted_on), expires_on) as expires_on from rows"
    )
    day = date(2017, 2, 1)
    stack = [CompiledModel(relation, ahead, True)]
    held = Comparison("kkbox", day, "hidden", 1, 1, 0)
    for sql, is_caught in ((ahead, True), (ahead.replace("lead(", "lag("), False)):
        with duckdb.connect() as connection:
            connection.execute("attach ':memory:' as built")
            connection.execute("create schema kkbox")
            connection.execute("create schema built.kkbox")
            connection.execute(
                "create table rows as from (values ('a', date '2017-01-10', date '2017-02-09'), "
                "('a', date '2017-02-09', date '2017-03-11')) "
                "as r (customer_id, transacted_on, expires_on)"
            )
            connection.execute(f"create table built.{relation} as {sql}")
            connection.execute(
                "create table built.kkbox.kkbox__churn_examples as "
                "select 'a' as customer_id, date '2017-02-01' as as_of_date"
            )
            connection.execute(f"delete from rows where transacted_on >= date '{day}'")
            connection.execute(f"create table {relation} as {sql}")
            found = with_corrections(connection, held, stack)
        assert (found.differences > 0) == is_caught
        assert any(NAME in words for words in found.examples) == is_caught


def test_a_hypothesis_says_why_since_when_and_what_would_refute_it():
    for domain in domain_entries():
        for correction in corrections_of(domain).values():
            assert all(
                (correction.wrong, correction.because, correction.known_since, correction.marker_if)
            )
            # of what it does, the placebo does the same
            assert correction.changes or correction.as_the_customer
