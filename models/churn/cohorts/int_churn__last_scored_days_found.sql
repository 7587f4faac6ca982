-- One row per domain and customer who was scored shortly before the scored cut-off, no longer
-- than the domain's CRM rows wait (out_of_scope_days): the last cut-off that scored the customer.
with

waits as (
    {%- for domain, entry in var('churn_domains').items() %}
    select
        '{{ domain }}' as domain,
        {{ entry.get('retention', {}).get('out_of_scope_days', 7) }} as out_of_scope_days
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

live as (
    select
        domain,
        as_of_date
    from {{ ref('int_churn__live_runs_selected') }}
),

scores as (
    select
        domain,
        customer_id,
        as_of_date
    from {{ ref('stg_churn__scores') }}
),

final as (
    select
        scores.domain,
        scores.customer_id,
        max(scores.as_of_date) as last_scored_as_of_date
    from scores
    inner join live on scores.domain = live.domain
    inner join waits on scores.domain = waits.domain
    where
        scores.as_of_date <= live.as_of_date
        and {{ days_between('scores.as_of_date', 'live.as_of_date') }} <= waits.out_of_scope_days
    group by all
)

select * from final
