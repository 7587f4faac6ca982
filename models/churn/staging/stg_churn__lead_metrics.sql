-- One row per evaluated run, lead, population, model and metric, all runs.
with

source as (
    select * from {{ source('ml', 'lead_metrics') }}
),

renamed as (
    select
        run_id,
        domain,
        as_of_date,
        lead_days,
        known_at,
        population,
        model,
        metric,
        value,
        ci_low,
        ci_high,
        rows
    from source
)

select * from renamed
