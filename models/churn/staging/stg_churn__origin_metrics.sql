-- One row per evaluated run, protocol, cohort, model and metric, all runs.
with

source as (
    select * from {{ source('ml', 'origin_metrics') }}
),

renamed as (
    select
        run_id,
        domain,
        protocol,
        as_of_date,
        coalesce(last_as_of_date, as_of_date) as last_as_of_date,
        coalesce(cut_offs, 1) as cut_offs,
        trained_cohorts,
        model,
        metric,
        value,
        ci_low,
        ci_high,
        rows,
        evaluated_at
    from source
)

select * from renamed
