{#- One row per customer of a domain's scored cohort: the described features behind the score. -#}
{% macro customers_of_live_run(domain) -%}
with

examples as (
    select * from {{ ref(domain ~ '__churn_examples') }}
),

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select examples.*
    from examples
    inner join live
        on
            examples.domain = live.domain
            and examples.as_of_date = live.as_of_date
)

select * from final
{%- endmacro %}
