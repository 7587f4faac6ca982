-- One row per domain and channel of limited capacity: how many customers it reaches in one plan.
with

channels as (
    select distinct
        domain,
        channel
    from {{ ref('int_churn__actions_catalogued') }}
),

limits as (
    {%- for domain, entry in var('churn_domains').items() %}
    {%- for channel, contacts in entry.get('retention', {}).get('capacities', {}).items() %}
    select
        '{{ domain }}' as domain,
        '{{ channel }}' as channel,
        cast({{ contacts }} as bigint) as contacts
    union all
    {%- endfor %}
    {%- endfor %}
    select
        cast(null as varchar) as domain,
        cast(null as varchar) as channel,
        cast(null as bigint) as contacts
    where false
),

final as (
    select
        channels.domain,
        channels.channel,
        limits.contacts
    from channels
    inner join limits
        on
            channels.domain = limits.domain
            and channels.channel = limits.channel
)

select * from final
