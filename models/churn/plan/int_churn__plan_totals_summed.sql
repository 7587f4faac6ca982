{{ config(materialized='table') }}
-- One row per domain: what the customers whom its plan chooses are expected to cost and to earn
-- before a control group is taken out, which share of them would leave without it, by how much the
-- actions are expected to lower that, and how many the period compares in all.
with

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

kept as (
    select * from {{ ref('int_churn__assignments_kept') }}
    where arm <> 'never_treated'
),

compared as (
    select
        domain,
        count(*) as customers
    from kept
    group by all
),

chosen as (
    select
        allocated.domain,
        count(*) as customers,
        count(*) filter (where kept.customer_number is null) as new_customers,
        sum(allocated.spend_cents) as spend_cents,
        sum(allocated.profit_cents) as profit_cents,
        -- millionths as integers: the same every time
        cast(sum(cast(round(1000000 * customers.churn_probability) as bigint)) as double)
        / (1000000.0 * count(*)) as churn_without,
        cast(sum(cast(round(
            1000000 * customers.churn_probability * catalogue.save_rate
        ) as bigint)) as double)
        / (1000000.0 * count(*)) as effect,
        case
            when count(*) filter (where catalogue.evidence_code = 'assumed') > 0 then 'assumed'
            else min(catalogue.evidence)
        end as evidence,
        -- in the alphabet assumed comes before measured
        min(catalogue.evidence_code) as evidence_code
    from {{ ref('int_churn__actions_allocated') }} as allocated
    inner join {{ ref('int_churn__contact_eligibility_checked') }} as customers
        on allocated.customer_number = customers.customer_number
    inner join {{ ref('int_churn__actions_catalogued') }} as catalogue
        on
            allocated.domain = catalogue.domain
            and allocated.action_id = catalogue.action_id
    left join kept on allocated.customer_number = kept.customer_number
    group by all
),

final as (
    select
        plans.domain,
        coalesce(chosen.customers, 0) as customers,
        coalesce(chosen.new_customers, 0) + coalesce(compared.customers, 0) as compared_customers,
        coalesce(chosen.spend_cents, 0) as spend_cents,
        coalesce(chosen.profit_cents, 0) as profit_cents,
        chosen.churn_without,
        chosen.effect,
        coalesce(chosen.evidence, 'assumed') as evidence,
        coalesce(chosen.evidence_code, 'assumed') as evidence_code
    from plans
    left join chosen on plans.domain = chosen.domain
    left join compared on plans.domain = compared.domain
)

select * from final
