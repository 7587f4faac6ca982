{{ config(materialized='table') }}
-- One row per policy and customer that it would treat, in the order in which it treats them. A
-- policy is a way to choose whom to treat without a plan: the riskiest tenth by risk; everybody
-- at risk, and everybody, both in an order of chance.
with

offered as (
    select
        domain,
        customer_number
    from {{ ref('int_churn__best_actions_picked') }}
),

scored as (
    select
        customer_number,
        is_at_risk,
        row_number() over (
            partition by domain
            order by churn_probability desc, customer_number asc
        ) as risk_place,
        count(*) over (partition by domain) as customers
    from {{ ref('int_churn__contact_eligibility_checked') }}
),

riskiest_tenth as (
    select
        offered.domain,
        offered.customer_number,
        'top_decile' as policy,
        scored.risk_place as place
    from offered
    inner join scored on offered.customer_number = scored.customer_number
    where scored.risk_place * 10 <= scored.customers
),

everybody_at_risk as (
    select
        offered.domain,
        offered.customer_number,
        'everybody_at_risk' as policy,
        row_number() over (
            partition by offered.domain
            order by
                {{ hash_number(["'at risk'", 'offered.customer_number']) }} asc,
                offered.customer_number asc
        ) as place
    from offered
    inner join scored on offered.customer_number = scored.customer_number
    where scored.is_at_risk
),

anybody as (
    select
        domain,
        customer_number,
        'random' as policy,
        row_number() over (
            partition by domain
            order by
                {{ hash_number(["'random'", 'customer_number']) }} asc,
                customer_number asc
        ) as place
    from offered
),

final as (
    select * from riskiest_tenth
    union all
    select * from everybody_at_risk
    union all
    select * from anybody
)

select * from final
