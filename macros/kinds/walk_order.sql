{#- The order of a membership's changes, total up to rows that do not differ in what is read. -#}
{% macro walk_order() -%}
    transacted_on,
    day_order desc,
    is_cancel,
    is_change,
    case when is_cancel then null else expires_on end nulls last,
    case when is_cancel then expires_on end desc nulls last,
    amount_paid desc nulls last,
    is_auto_renew desc,
    list_price desc nulls last,
    plan_days desc nulls last,
    payment_method desc nulls last
{%- endmacro %}
