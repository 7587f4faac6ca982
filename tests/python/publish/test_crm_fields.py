"""Columns of a domain's own data reach the CRM under its names, if the entry maps them."""

import json

import duckdb
import pytest
import yaml

from pipeline.project.home import PROJECT

MAPPED = {
    "source": "members",
    "columns": {"city_id": "home_city", "registration_channel_id": "channel_id"},
}


@pytest.mark.slow
def test_mapped_columns_stand_beside_the_row_and_are_compared(demo_copy, run_dbt):
    home = demo_copy
    variables = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())["vars"]
    variables["churn_domains"]["kkbox"]["crm_fields"] = MAPPED
    sql = (
        "select domain || customer_id, crm_fields, row_hash "
        "from serving.crm_churn_actions where domain = '{}'"
    )

    def rows(domain):
        with duckdb.connect(str(home.warehouse), read_only=True) as connection:
            found = connection.execute(sql.format(domain)).fetchall()
            return {key: (fields, row_hash) for key, fields, row_hash in found}

    before = rows("kkbox")
    assert {fields for fields, _ in before.values()} == {None}
    selected = ("--select", "int_churn__crm_fields_mapped", "crm_churn_actions")
    done = run_dbt(home.root, "run", *selected, "--vars", json.dumps(variables))
    assert done.returncode == 0, done.stdout
    after = rows("kkbox")
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        members = {
            f"kkbox{customer}": {"home_city": city, "channel_id": channel}
            for customer, city, channel in connection.execute(
                "select customer_id, city_id, registration_channel_id from kkbox.stg_kkbox__members"
            ).fetchall()
        }
    known = [key for key in after if key in members]
    assert known
    for key, (fields, row_hash) in after.items():
        assert (json.loads(fields) if fields else None) == members.get(key)
        assert row_hash != before[key][1], "a sync gets the new columns"
    assert {fields for fields, _ in rows("ecommerce").values()} == {None}
