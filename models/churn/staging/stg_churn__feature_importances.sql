-- One row per feature of a run, all runs.
with

source as (
    select * from {{ source('ml', 'feature_importances') }}
),

renamed as (
    select
        run_id,
        domain,
        feature,
        is_used,
        excluded_because,
        mean_abs_contribution,
        usual_value
    from source
)

select * from renamed
