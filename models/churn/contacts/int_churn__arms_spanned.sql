{{ config(materialized='table') }}
-- One row per domain, period and customer whom its plan drew, for contact or for the control group:
-- from when to when the arm holds.
with

periods as (
    {%- for domain, entry in var('churn_domains').items() %}
    select
        '{{ domain }}' as domain,
        cast({{ period_days(entry) }} as integer) as period_days
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

final as (
    select
        assignments.domain,
        assignments.customer_id,
        assignments.period_start,
        {{ add_days('assignments.period_start', 'periods.period_days') }} as period_end,
        assignments.as_of_date as assigned_on,
        assignments.arm,
        coalesce(assignments.action_id, '') as action_id,
        assignments.holdout_per_mille
    from {{ ref('stg_churn__assignments') }} as assignments
    inner join periods on assignments.domain = periods.domain
    where assignments.arm in ('treat', 'control')
)

select * from final
