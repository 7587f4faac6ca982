{{ config(materialized='table') }}
-- One row per domain, customer and span of days in which a contact may change what the customer
-- does, or for which the customer stands for others: a period's arm, or the day of a contact that
-- no plan drew.
-- A plan is acted on, in a period and with an action, once one of the customers whom it drew for
-- contact was reached. Then all of them count as contacted, reached or not, since who is reached
-- is not drawn; a customer whom it held out counts 1 / P(held out) times.
with

contacts as (
    select * from {{ ref('int_churn__contacts_matched') }}
),

arms as (
    select * from {{ ref('int_churn__arms_spanned') }}
),

acted_on as (
    select
        domain,
        period_start,
        plan_action_id as action_id,
        min(contacted_on) as first_contact_on
    from contacts
    where period_start is not null
    group by domain, period_start, plan_action_id
),

final as (
    select
        arms.domain,
        arms.customer_id,
        arms.assigned_on as opens_on,
        arms.period_end as closes_on,
        acted_on.first_contact_on as acts_from,
        case arms.arm when 'treat' then 'treated_by_plan' else 'control_of_plan' end as reason,
        case arms.arm
            when 'treat' then 0
            else cast(1000 as double) / arms.holdout_per_mille
        end as weight
    from arms
    inner join acted_on
        on
            arms.domain = acted_on.domain
            and arms.period_start = acted_on.period_start
            and arms.action_id = acted_on.action_id
    where arms.holdout_per_mille > 0
    union all
    select distinct
        domain,
        customer_id,
        contacted_on as opens_on,
        {{ add_days('contacted_on', 1) }} as closes_on,
        contacted_on as acts_from,
        'outside_plan' as reason,
        0 as weight
    from contacts
    where period_start is null
)

select * from final
