"""Compiled SQL is kept once, and YAML says which models a plan and real time run again."""

import json

import pytest

from pipeline.warehouse.compiled_sql import (
    READERS,
    CompiledModel,
    kept,
    placed,
    relations_read,
    replayed,
)


@pytest.fixture(scope="module")
def manifest(demo):
    return json.loads((demo[0].dbt_target / "manifest.json").read_text())


@pytest.mark.parametrize("reader", READERS)
def test_a_model_runs_after_all_it_reads(demo, reader):
    models = kept(demo[0], reader)
    made = set()
    relations = {model.relation for model in models}
    for model in models:
        read = set(relations_read([model])) & relations
        assert read <= made, f"{model.relation} runs before {read - made}"
        made.add(model.relation)


def test_what_is_kept_is_what_yaml_marks(demo, manifest):
    for reader in READERS:
        marked = {
            node["name"]
            for node in manifest["nodes"].values()
            if reader in (node["config"].get("meta") or {}).get("replayed_by", ())
        }
        assert {model.name for model in kept(demo[0], reader)} == marked
        assert len(replayed(manifest, reader)) == len(marked)


def test_a_mark_that_no_reader_knows_is_a_slip(manifest):
    marks = {
        mark
        for node in manifest["nodes"].values()
        for mark in (node["config"].get("meta") or {}).get("replayed_by", ())
    }
    assert marks == set(READERS)


def test_relations_are_placed_in_memory_or_by_their_bare_name():
    sql = 'select * from "warehouse"."churn"."a" inner join "warehouse"."lake"."b" using (c)'
    assert placed(sql, {"churn.a"}) == (
        'select * from "a" inner join "memory"."lake"."b" using (c)'
    )
    assert relations_read([CompiledModel("churn.x", sql, False)]) == ["churn.a", "lake.b"]
