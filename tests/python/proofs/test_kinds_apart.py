"""Two domains of one kind know nothing of each other, though their customers have the same ids."""

import re
from dataclasses import replace
from datetime import date, timedelta

import pytest
import yaml
from reference import ecommerce_histories, ecommerce_marts, kkbox_histories, kkbox_marts
from reference.compare import differences
from reference.stack import compiled_once

from pipeline.project.domains import domain_entries
from pipeline.project.home import PROJECT
from pipeline.warehouse.compiled_sql import compiled_stack

CONTROL = re.compile(r'"warehouse"\."control"\."\w+"')
SHOP = ecommerce_histories, ecommerce_marts
WORLDS = {
    "ecommerce": (SHOP, [date(2019, 11, 16), date(2019, 12, 29)], date(2020, 1, 30)),
    "kkbox": (
        (kkbox_histories, kkbox_marts),
        [date(2016, 3, 1), date(2016, 3, 15)],
        date(2016, 5, 5),
    ),
}


def with_a_twin(stack, domain):
    """The stack with a second domain: the same ids and cut-offs, other days and other settings."""
    kind = domain_entries()[domain].kind
    path = PROJECT / f"models/{kind}/staging/_{kind}__staging.yml"
    described = {
        f"{kind}.{model['name']}": model["columns"]
        for model in yaml.safe_load(path.read_text())["models"]
    }

    def twin(columns):
        changed = ["'twin' as domain"] + [
            f"{column['name']} + 1 as {column['name']}"
            for column in columns
            if column["data_type"] in ("date", "bigint")
            or column["name"] in ("horizon_days", "min_orders", "value_days", "value_months")
        ]
        return f"select * replace ({', '.join(changed)})"

    def both(found):
        moved = f"select * replace ('twin' as domain) from {found[0]} where domain = '{domain}'"
        return f"(select * from {found[0]} union all {moved})"

    return [
        replace(
            view,
            sql=f"with own as ({view.sql}) select * from own union all "
            f"{twin(described[view.relation])} from own"
            if view.relation in described
            else CONTROL.sub(both, view.sql)
            if view.relation.startswith(f"{kind}.")
            else view.sql,
        )
        for view in stack
    ]


@pytest.mark.parametrize("domain", WORLDS)
def test_a_twin_with_the_same_ids_changes_no_row(run_dbt, tmp_path_factory, domain):
    (histories, marts), cut_offs, known_before = WORLDS[domain]
    home = compiled_once(run_dbt, tmp_path_factory)
    world = histories.make_world(4, 250, cut_offs, known_before + timedelta(days=1))
    for mart, of in (("labels", marts.Labels), ("churn_examples", marts.Features)):
        stack = compiled_stack(home, domain, f"{domain}__{mart}")
        alone, beside = of(stack).sql(world), of(with_a_twin(stack, domain)).sql(world)
        assert len(alone) > 50
        assert not differences(alone, beside)


@pytest.mark.parametrize("domain", WORLDS)
def test_the_twin_is_seen_where_a_join_forgets_the_domain(run_dbt, tmp_path_factory, domain):
    (histories, marts), cut_offs, known_before = WORLDS[domain]
    model, condition = {
        "ecommerce": ("int_no_contract__order_days_aggregated", "cohort.domain = days.domain"),
        "kkbox": ("int_subscription__history_summarised", "cohort.domain = periods.domain"),
    }[domain]
    home = compiled_once(run_dbt, tmp_path_factory)
    world = histories.make_world(4, 250, cut_offs, known_before + timedelta(days=1))
    stack = with_a_twin(compiled_stack(home, domain, f"{domain}__churn_examples"), domain)
    forgetful = [
        replace(view, sql=view.sql.replace(condition, "true")) if view.name == model else view
        for view in stack
    ]
    assert forgetful != stack
    assert differences(marts.Features(stack).sql(world), marts.Features(forgetful).sql(world))
