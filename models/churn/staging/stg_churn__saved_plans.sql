-- One row per domain whose plan was saved.
with

source as (
    select * from {{ source('state', 'plans') }}
),

renamed as (
    select
        domain,
        budget_cents,
        holdout_per_mille,
        bands,
        themes,
        parts,
        min_probability,
        max_probability,
        min_value,
        due_from,
        due_to,
        is_at_risk,
        already_cancelled,
        actions,
        channels,
        draft_id
    from source
)

select * from renamed
