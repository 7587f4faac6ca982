{#- Rows per group: customers who stayed and who left, and which share of their value either paid.
    relation  of value_cents, revenue_cents and customers by is_churned and cohort
    keys      columns of the group -#}
{% macro outcome_shares(relation, keys) -%}
    select
        {{ keys | join(',\n        ') }},
        min(cohort) as first_cohort,
        max(cohort) as last_cohort,
        cast(sum(case when is_churned then 0 else customers end) as bigint) as customers_stayed,
        cast(sum(case when is_churned then customers else 0 end) as bigint) as customers_left,
        {{ exact_ratio(
            exact_sum('revenue_cents', where='not is_churned'),
            exact_sum('value_cents', where='not is_churned')
        ) }} as stayed_share,
        {{ exact_ratio(
            exact_sum('revenue_cents', where='is_churned'),
            exact_sum('value_cents', where='is_churned')
        ) }} as left_share
    from {{ relation }}
    group by all
{%- endmacro %}
