-- One row per domain, customer and published cut-off other than the scored one: what was published
-- of them, no longer before the scored cut-off than history_days.
{%- set scored = [
    'due_on', 'churn_probability', 'risk_band', 'is_at_risk', 'label_definition', 'run_id'
] %}
with

limits as (
    {%- for domain, entry in var('churn_domains').items() %}
    select
        '{{ domain }}' as domain,
        {{ entry.get('history_days', 400) }} as history_days
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

live as (
    select
        live.domain,
        live.as_of_date,
        {{ add_days('live.as_of_date', '-limits.history_days') }} as first_as_of_date
    from {{ ref('int_churn__live_runs_selected') }} as live
    inner join limits on live.domain = limits.domain
),

recorded as (
    select
        domain,
        customer_id,
        as_of_date,
        {{ history_columns() | join(',\n        ') }},
        true as is_on_record
    from {{ ref('stg_churn__published_customers') }}
),

unrecorded as (
    select
        domain,
        customer_id,
        as_of_date,
        {%- for column in history_columns() %}
        {% if column in scored %}{{ column }}{% else %}null as {{ column }}{% endif %},
        {%- endfor %}
        false as is_on_record
    from {{ ref('int_churn__unrecorded_scores_picked') }}
),

earlier as (
    select * from recorded
    union all
    select * from unrecorded
),

final as (
    select earlier.*
    from earlier
    inner join live
        on
            earlier.domain = live.domain
            and earlier.as_of_date != live.as_of_date
            and earlier.as_of_date >= live.first_as_of_date
)

select * from final
