-- One row per run, scored cut-off and feature, all runs.
with

source as (
    select * from {{ source('ml', 'feature_importances') }}
),

renamed as (
    select
        run_id,
        domain,
        as_of_date,
        feature,
        is_used,
        excluded_because,
        mean_abs_contribution,
        mean_contribution,
        usual_value
    from source
)

select * from renamed
