-- One row per score, all runs.
with

source as (
    select * from {{ source('ml', 'scores') }}
),

renamed as (
    select
        run_id,
        domain,
        customer_id,
        as_of_date,
        margin,
        churn_probability,
        risk_band,
        model_hash,
        label_checksum,
        feature_sql_hash,
        feature_checksum,
        written_at as scored_at
    from source
)

select * from renamed
