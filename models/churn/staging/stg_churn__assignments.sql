-- One row per domain, period and customer whose arm was drawn: the first draw of the period.
with

source as (
    select * from {{ source('state', 'assignments') }}
),

renamed as (
    select
        domain,
        period_start,
        customer_id,
        arm,
        action_id,
        holdout_per_mille,
        planned_spend_cents,
        planned_profit_cents,
        as_of_date,
        run_id,
        generation,
        assigned_at
    from source
)

select * from renamed
