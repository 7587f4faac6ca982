"""Truths about the SQL project itself, from its manifest and its compiled SQL."""

import json
import re
from dataclasses import replace

import duckdb
import pytest
import yaml

from app.api.published.row_models import serving_tables
from pipeline.project.domains import described_examples, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT
from pipeline.warehouse import sample
from pipeline.warehouse.compiled_sql import is_given, load_stack
from pipeline.warehouse.dbt import DbtOutcome
from pipeline.warehouse.static_checks import (
    check_build,
    exact_numbers,
    features_without_words,
    no_day_of_its_own,
    no_label_upstream,
    orders_are_total,
)


@pytest.fixture(scope="module")
def manifest(demo):
    return json.loads((demo[0].dbt_target / "manifest.json").read_text())


DOMAINS = tuple(domain_entries())
KINDS = {entry.kind for entry in domain_entries().values()}


@pytest.fixture(scope="module", params=DOMAINS)
def stack(demo, request):
    return load_stack(demo[0], request.param)


def mart_of(domain):
    """A domain's examples, as its YAML has them."""
    return described_examples(domain)


def features_of(domain):
    """The feature columns of a domain's examples."""
    return [column for column in mart_of(domain)["columns"] if "__" in column["name"]]


def ancestors(manifest, name):
    seen, todo = set(), [key for key in manifest["nodes"] if key.endswith(f".{name}")]
    assert todo, f"no node {name}"
    while todo:
        key = todo.pop()
        for parent in manifest["parent_map"].get(key, []):
            if parent not in seen:
                seen.add(parent)
                todo.append(parent)
    return {key.split(".")[-1] for key in seen}


def test_every_model_of_a_domain_says_its_grain(manifest):
    models = [
        node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["fqn"][1] in ("control", *KINDS, *DOMAINS)
    ]
    assert len(models) > 45
    untold = [node["name"] for node in models if not node["description"].startswith("One row per")]
    assert untold == []


def test_a_stack_ends_at_what_is_given(manifest, stack):
    """Real time, the proofs and the tests fill the control relations; dbt's own are no part."""
    given = {
        f'"{node["schema"]}"."{node["alias"]}"'
        for node in manifest["nodes"].values()
        if is_given(node)
    }
    read = set(re.findall(r'"warehouse"\.("control"\."\w+")', " ".join(v.sql for v in stack)))
    assert len(given) == 10
    assert len(read) >= 3
    assert read < given
    made = {view.relation.partition(".")[0] for view in stack}
    assert "control" not in made
    assert not [view.relation for view in stack if "event_days" in view.relation]


@pytest.mark.parametrize("domain", DOMAINS)
def test_no_feature_is_downstream_of_a_label(manifest, domain):
    upstream = ancestors(manifest, f"int_{domain}__features_joined")
    assert no_label_upstream(manifest, domain) == []
    assert "control__cut_offs" in upstream


def with_text(stack, text):
    """The stack with a text added to the SQL of its last model."""
    return [*stack[:-1], replace(stack[-1], sql=f"{stack[-1].sql}\n{text}")]


def test_feature_sql_aggregates_nothing_that_depends_on_the_order_of_rows(stack):
    assert exact_numbers(stack) == []


@pytest.mark.parametrize(
    "inexact", ["avg(cast(x as double))", "stddev_samp(x)", "mode (x)", "approx_quantile(x, .5)"]
)
def test_an_inexact_aggregate_is_found(stack, inexact):
    (found,) = exact_numbers(with_text(stack, inexact))
    assert found.startswith(stack[-1].relation)


BY_CHANCE = [
    "max_by(days_before, largest_amount_cents)",
    "min_by(a, coalesce(b, c))",
    "max_by(a, (b, position2))",
    "row_number() over (partition by customer_id, ordered_on order by amount)",
    "row_number() over ()",
    "lag(a, 1) over (partition by customer_id order by as_of_date rows between 1 preceding "
    "and position following)",
    "lead(a) over walk from x window walk as (partition by ordered_on order by b)",
    "first_value(a) ignore nulls over (order by customer_id)",
]
NOT_BY_CHANCE = [
    "max_by(days_before, (largest_amount_cents, ordered_on, position))",
    "row_number() over (partition by customer_id order by ordered_on, position)",
    "lead(a) over walk from x window walk as (partition by a order by position, ordered_on)",
    "min(a) over (order by b)",
]


def with_last(manifest, stack, sql):
    """What is found in a model that takes by an order, with another SQL."""
    view = next(v for v in stack if "max_by" in v.sql)
    changed = [replace(v, sql=sql) if v is view else v for v in stack]
    return orders_are_total(manifest, changed)


def test_what_features_take_by_an_order_has_a_total_one(manifest, stack):
    assert orders_are_total(manifest, stack) == []


def test_every_model_that_takes_by_an_order_is_seen(manifest, stack):
    # without a declared key no order is total
    for node in manifest["nodes"].values():
        assert node["resource_type"] == "test" or "total_order" not in str(node.get("columns"))
    bare = {
        **manifest,
        "nodes": {
            key: node | {"test_metadata": None, "config": node["config"] | {"meta": {}}}
            for key, node in manifest["nodes"].items()
        },
    }
    found = {line.partition(":")[0] for line in orders_are_total(bare, stack)}
    text = re.compile(r"\b(max_by|min_by|row_number|lag|lead)\s*\(")
    assert found == {view.relation for view in stack if text.search(view.sql)} != set()


@pytest.mark.parametrize("sql", BY_CHANCE)
def test_a_choice_among_rows_that_may_tie_is_found(manifest, stack, sql):
    assert len(with_last(manifest, stack, f"select {sql}")) == 1


@pytest.mark.parametrize("sql", NOT_BY_CHANCE)
def test_a_choice_by_a_key_is_none(manifest, stack, sql):
    assert with_last(manifest, stack, f"select {sql}") == []


def without(manifest, domain, change):
    """A manifest in which a feature was changed; the feature's name."""
    copy = json.loads(json.dumps(manifest))
    mart = next(n for k, n in copy["nodes"].items() if k.endswith(f".{domain}__churn_examples"))
    name = next(name for name in mart["columns"] if "__" in name)
    change(mart["columns"][name])
    return copy, name


def sql_of(stack):
    return {view.relation: view.sql for view in stack}


def domain_of(stack):
    return stack[-1].relation.partition(".")[0]


def test_every_feature_of_the_sql_has_words(manifest, stack):
    assert features_without_words(manifest, domain_of(stack), sql_of(stack)) == []


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda column: column.update(description=" "), "lacks description:"),
        (lambda column: column["config"]["meta"].pop("unit"), "lacks unit:"),
        (lambda column: column["config"]["meta"].pop("group"), "lacks group:"),
        (lambda column: column.update(config={}), "lacks unit, phrase, group:"),
        (lambda column: column["config"]["meta"].update(group="weather"), "no group 'weather'"),
    ],
)
def test_a_feature_without_words_stops_with_the_yaml_to_fill_in(manifest, stack, change, words):
    domain = domain_of(stack)
    copy, name = without(manifest, domain, change)
    with pytest.raises(ChurnError) as refusal:
        check_build(copy, domain, stack)
    assert refusal.value.what == f"A feature of {domain} lacks words."
    assert refusal.value.where.startswith(name)
    assert words in refusal.value.where
    if "lacks" in words:
        stub = yaml.safe_load(refusal.value.where.partition("\n")[2])
        assert stub[0]["name"] == name
        assert set(stub[0]["config"]["meta"]) == {"unit", "phrase", "group"}


def test_a_feature_in_the_sql_alone_is_found(manifest, stack):
    copy, name = without(manifest, domain_of(stack), lambda column: None)
    mart = next(
        n
        for k, n in copy["nodes"].items()
        if k.endswith("__churn_examples") and name in n["columns"]
    )
    del mart["columns"][name]
    found = features_without_words(copy, domain_of(stack), sql_of(stack))
    assert found
    assert all(line.startswith(f"{name} is in ") for line in found)
    assert "but not in the YAML" in found[0]


def test_a_build_on_a_sample_stops_as_well(home, console, manifest, monkeypatch):
    copy, name = without(manifest, DOMAINS[0], lambda column: column.update(config={}))
    target = home.dbt_target.with_name("target_dev")

    def build(*_, **__):
        target.mkdir(parents=True)
        (target / "manifest.json").write_text(json.dumps(copy))
        return DbtOutcome()

    monkeypatch.setattr(sample, "dbt", build)
    with pytest.raises(ChurnError, match="lacks words") as refusal:
        sample.build_sample(home, [], console)
    assert refusal.value.where.startswith(name)


def test_the_first_build_of_a_selection_builds_what_it_reads(home, console, manifest, monkeypatch):
    target, built = home.dbt_target.with_name("target_dev"), []
    target.mkdir(parents=True)
    (target / "manifest.json").write_text(json.dumps(manifest))

    def build(*arguments, **_):
        built.append("--select" in arguments)
        home.dev_warehouse.touch()
        return DbtOutcome()

    monkeypatch.setattr(sample, "dbt", build)
    for _ in range(2):
        sample.build_sample(home, ["--select", "one+"], console)
    assert built == [False, True, True]


def test_feature_sql_names_no_day_of_its_own(stack):
    """Cut-offs are relations; only fixed points of the calendar may stand in the SQL."""
    assert no_day_of_its_own(stack) == []


@pytest.mark.parametrize("day", ["date '2017-03-01'", "current_date", "now()"])
def test_a_day_in_feature_sql_is_found(stack, day):
    assert len(no_day_of_its_own(with_text(stack, f"where day < {day}"))) == 1


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_feature_has_a_unit_and_a_phrase(domain):
    features = features_of(domain)
    assert len(features) >= 60
    for feature in features:
        meta = feature.get("config", {}).get("meta", {})
        phrased = "phrase" in meta or {"phrase_true", "phrase_false"} <= set(meta)
        stub = (
            f"- name: {feature['name']}\n  description: …\n  config:\n    meta:\n"
            "      unit: …\n      phrase: … {value} …"
        )
        assert feature.get("description") and meta.get("unit") and phrased, f"missing:\n{stub}"


@pytest.mark.parametrize("domain", DOMAINS)
def test_every_feature_is_part_of_a_reason_and_every_reason_has_words(domain):
    groups = mart_of(domain)["config"]["meta"]["driver_groups"]
    named = {
        feature["name"]: feature["config"]["meta"].get("group") for feature in features_of(domain)
    }
    for feature, group in named.items():
        assert group in groups, f"{feature}: group: one of {', '.join(groups)}"
    assert set(named.values()) == set(groups)
    for group in groups.values():
        assert not re.search(r"\d|_", group["title"]) and isinstance(group["actionable"], bool)


def test_every_feature_of_the_members_snapshot_says_so(demo):
    sources = {
        c["name"]: c.get("config", {}).get("meta", {}).get("source") for c in features_of("kkbox")
    }
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        rows = connection.execute("describe kkbox.int_kkbox__profiles_featured").fetchall()
    features = [row[0] for row in rows if "__" in row[0]]
    assert features
    assert {sources[name] for name in features} == {"members"}


def test_every_column_of_every_serving_table_is_described_and_typed():
    files = {path.stem for path in (PROJECT / "models/serving").rglob("*.sql")}
    assert set(serving_tables()) == files
    for model in serving_tables().values():
        assert model["description"].startswith("One row per")
        for column in model["columns"]:
            assert column.get("description") and column.get("data_type"), (
                f"{model['name']}.{column['name']}"
            )


def test_every_model_says_its_grain_in_its_first_line():
    for path in (PROJECT / "models").rglob("*.sql"):
        first = next(
            line for line in path.read_text().splitlines() if line and not line.startswith("{{")
        )
        assert first.startswith("-- One row per"), path.name


def test_dbt_unit_tests_of_the_label_boundaries_pass(demo_copy, run_dbt):
    # dbt opens the warehouse as its one writer: never the demo that other tests read meanwhile
    done = run_dbt(demo_copy.root, "test", "--select", "test_type:unit")
    assert done.returncode == 0, done.stdout
    assert int(re.search(r"PASS=(\d+)", done.stdout).group(1)) >= 22


def test_plain_dbt_build_works_on_an_empty_churn_home(home, run_dbt):
    home.root.mkdir(parents=True)
    done = run_dbt(home.root, "build", "--exclude-resource-type", "unit_test")
    assert done.returncode == 0, done.stdout[-3000:]


def test_what_every_domain_shares_names_no_domain():
    """A third domain works without touching these; demo data and benchmarks are a domain's own."""
    shared = [
        *(PROJECT / "ml").rglob("*.py"),
        *(PROJECT / "app").rglob("*.py"),
        *(PROJECT / "cli").rglob("*.py"),
        *(path for path in (PROJECT / "pipeline").rglob("*.py") if "demo" not in path.parts),
        *(PROJECT / "models/churn").rglob("*.*"),
        *(PROJECT / "models/serving").rglob("*.*"),
        *(PROJECT / "tests/generic").glob("*.sql"),
        *(PROJECT / "tests/assertions").glob("*.sql"),
    ]
    assert len(shared) > 60
    for path in shared:
        named = [domain for domain in DOMAINS if domain in path.read_text().lower()]
        assert not named, f"{path.relative_to(PROJECT)} names {named}"
