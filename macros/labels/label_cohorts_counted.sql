{#- One row per label definition and cut-off of a domain: size, churners, when the cohort closes,
    whether it is frozen (label_version 0: not yet), how many outcomes a hole with a reason could
    have turned, and a checksum that adds up over rows and cohorts. -#}
{% macro label_cohorts_counted(domain) -%}
{%- set kind = var('churn_domains')[domain].kind -%}
with

frozen as (
    select
        label_definition,
        as_of_date,
        max(label_version) as label_version
    from {{ source(domain ~ '_labels', 'frozen_labels') }}
    group by label_definition, as_of_date
),

cohorts as (
    select
        label_definition,
        as_of_date,
        count(*) as label_rows,
        count(*) filter (where is_churned) as churners,
        max(label_known_on) as closes_on,
        count(is_churned) > 0 as is_closed,
        {{ row_checksum(['customer_id', 'as_of_date', 'label_definition', 'is_churned']) }}
            as label_checksum
    from {{ ref(domain ~ '__labels') }}
    group by label_definition, as_of_date
),

final as (
    select
        cohorts.label_definition,
        cohorts.as_of_date,
        cohorts.label_rows,
        cohorts.churners,
        cohorts.closes_on,
        cohorts.is_closed,
        coalesce(frozen.label_version, 0) as label_version,
        coalesce(doubted.outcomes_in_doubt, 0) as outcomes_in_doubt,
        cohorts.label_checksum
    from cohorts
    left join frozen
        on
            cohorts.label_definition = frozen.label_definition
            and cohorts.as_of_date = frozen.as_of_date
    left join {{ ref('int_' ~ kind ~ '__outcomes_doubted') }} as doubted
        on
            doubted.domain = '{{ domain }}'
            and cohorts.label_definition = doubted.label_definition
            and cohorts.as_of_date = doubted.as_of_date
)

select * from final
{%- endmacro %}
