-- One row per customer of the CRM table that is published now, as a sync sees it: with the
-- suppressions of today laid over.
with

source as (
    select * from {{ source('state', 'published_actions') }}
),

renamed as (
    select
        crm_key,
        domain,
        customer_id,
        risk_score,
        risk_band,
        driver_group_1,
        driver_group_2,
        driver_group_3,
        due_on,
        recommended_action,
        channel,
        holdout_flag,
        is_suppressed,
        suppression_reason,
        model_version,
        scored_at,
        first_seen_at,
        updated_at,
        row_hash,
        is_deleted,
        deleted_at,
        deleted_reason,
        coalesce(is_overlaid, false) as is_overlaid,
        crm_fields
    from source
)

select * from renamed
