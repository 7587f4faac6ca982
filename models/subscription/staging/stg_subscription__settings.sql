-- One row per subscription: what its entry in dbt_project.yml says.
{{ settings_union('subscription', {
    'payments_table': ['covered_by', 'payments'],
    'usage_table': ['covered_by', 'usage'],
}) }}
