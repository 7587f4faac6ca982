{#- What is kept of each customer at a publish, in order, beside its key. A publish writes them
    (pipeline/publish/history.py), and bi_customer_history shows them. -#}
{% macro history_columns() -%}
    {{ return([
        'due_on', 'churn_probability', 'risk_band', 'is_at_risk', 'customer_value', 'leaving_cost',
        'value_at_risk', 'ladder_part', 'ladder_part_code', 'decision', 'planned_action',
        'expected_profit', 'arm', 'is_held_out', 'is_suppressed', 'label_definition', 'run_id'
    ]) }}
{%- endmacro %}
