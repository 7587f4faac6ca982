-- One row per domain and channel of limited capacity: how many contacts it has left in the period.
-- Contacts that were reported and messages of campaigns are gone, and so are contacts that its
-- control group stands for.
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

charged as (
    select
        domain,
        channel,
        count(*) as contacts
    from {{ ref('int_churn__contacts_charged') }}
    group by all
),

messages as (
    select
        domain,
        channel,
        count(*) as contacts
    from {{ ref('int_churn__messages_charged') }}
    group by all
),

reserved as (
    select
        domain,
        channel,
        count(*) as contacts
    from {{ ref('int_churn__controls_reserved') }}
    group by all
),

final as (
    select
        channels.domain,
        channels.channel,
        limits.contacts as capacity,
        greatest(
            0,
            limits.contacts
            - coalesce(charged.contacts, 0)
            - coalesce(messages.contacts, 0)
            - coalesce(reserved.contacts, 0)
        ) as contacts
    from channels
    inner join limits
        on
            channels.domain = limits.domain
            and channels.channel = limits.channel
    left join charged
        on
            channels.domain = charged.domain
            and channels.channel = charged.channel
    left join messages
        on
            channels.domain = messages.domain
            and channels.channel = messages.channel
    left join reserved
        on
            channels.domain = reserved.domain
            and channels.channel = reserved.channel
)

select * from final
