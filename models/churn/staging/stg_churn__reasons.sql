-- One row per group of drivers of a score, all runs.
with

source as (
    select * from {{ source('ml', 'reasons') }}
),

renamed as (
    select
        run_id,
        domain,
        customer_id,
        as_of_date,
        rank,
        driver_group,
        feature,
        contribution_log_odds,
        value,
        usual_value
    from source
)

select * from renamed
