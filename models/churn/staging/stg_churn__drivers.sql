-- One row per driver of a score, all runs.
with

source as (
    select * from {{ source('ml', 'drivers') }}
),

renamed as (
    select
        run_id,
        domain,
        customer_id,
        as_of_date,
        rank,
        feature,
        contribution_log_odds,
        value,
        usual_value
    from source
)

select * from renamed
