-- One row per campaign that was launched.
with

source as (
    select * from {{ source('state', 'campaigns') }}
),

renamed as (
    select
        campaign_id,
        domain,
        name as campaign_name,
        status as campaign_status,
        budget_cents,
        destination,
        generation,
        run_id,
        as_of_date,
        period_start,
        period_end,
        members_hash,
        launched_at,
        ended_at,
        ended_because
    from source
)

select * from renamed
