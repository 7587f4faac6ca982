-- One row per customer whom the plan chooses, and per control of the period who is scored still:
-- its action, and whether it is contacted or held out. An arm that the period has drawn stays; the
-- others are drawn by a salted hash below the share that is held out, so that an arm depends on
-- nothing but the customer, the period and the share.
with

customers as (
    select * from {{ ref('int_churn__contact_eligibility_checked') }}
),

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

power as (
    select * from {{ ref('int_churn__plan_power_derived') }}
),

kept as (
    select * from {{ ref('int_churn__assignments_kept') }}
),

chosen as (
    select
        allocated.domain,
        allocated.customer_number,
        allocated.action_id,
        coalesce(kept.arm, case
            when
                {{ hash_number([
                    'plans.holdout_salt', 'customers.domain', 'customers.customer_id',
                    'plans.period_start'
                ]) }} % 1000 < power.holdout_per_mille
                then 'control'
            else 'treat'
        end) as arm,
        allocated.spend_cents,
        allocated.profit_cents,
        power.holdout_per_mille,
        kept.customer_number is not null as is_kept
    from {{ ref('int_churn__actions_allocated') }} as allocated
    inner join customers on allocated.customer_number = customers.customer_number
    inner join plans on allocated.domain = plans.domain
    inner join power on allocated.domain = power.domain
    left join kept on allocated.customer_number = kept.customer_number
),

controls as (
    select
        kept.domain,
        kept.customer_number,
        kept.action_id,
        kept.arm,
        kept.planned_spend_cents as spend_cents,
        kept.planned_profit_cents as profit_cents,
        cast(null as bigint) as holdout_per_mille,
        true as is_kept
    from kept
    where kept.is_held_out
),

final as (
    select * from chosen
    union all
    select * from controls
)

select * from final
