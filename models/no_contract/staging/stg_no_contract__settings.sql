-- One row per domain without a contract: what its entry in dbt_project.yml says.
{{ settings_union('no_contract', {
    'orders_table': ['covered_by', 'orders'],
    'visits_table': ['covered_by', 'visits'],
    'carts_table': ['covered_by', 'carts'],
}) }}
