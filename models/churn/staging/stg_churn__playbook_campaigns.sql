-- One row per playbook and launched campaign with its settings.
with

source as (
    select * from {{ source('state', 'playbook_campaigns') }}
),

renamed as (
    select
        playbook_id,
        domain,
        name as playbook_name,
        campaign_id
    from source
)

select * from renamed
