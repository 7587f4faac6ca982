-- Catches a plan that asks more of a channel than it has left in the period.
with

used as (
    select
        domain,
        channel,
        count(*) as contacts
    from {{ ref('int_churn__actions_allocated') }}
    group by all
),

capacities as (
    select * from {{ ref('int_churn__channel_capacities_resolved') }}
)

select
    used.domain,
    used.channel,
    used.contacts,
    capacities.contacts as capacity
from used
inner join capacities
    on
        used.domain = capacities.domain
        and used.channel = capacities.channel
where used.contacts > capacities.contacts
