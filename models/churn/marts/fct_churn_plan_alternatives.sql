-- One row per domain and way to choose whom to treat: the plan beside no one, the riskiest tenth,
-- everyone at risk and chance, all with what is left of the period's budget, before any hold-out.
with

plans as (
    select * from {{ ref('int_churn__plans_summarised') }}
),

policies as (
    select * from {{ ref('int_churn__policies_allocated') }}
),

totals as (
    select
        domain,
        policy as strategy,
        count(*) as customers,
        sum(spend_cents) as spend_cents,
        sum(profit_cents) as profit_cents
    from policies
    group by all
    union all
    select
        domain,
        'plan' as strategy,
        chosen_customers as customers,
        chosen_spend_cents as spend_cents,
        chosen_profit_cents as profit_cents
    from plans
),

names as (
    select 'plan' as strategy
    union all
    select 'top_decile' as strategy
    union all
    select 'everybody_at_risk' as strategy
    union all
    select 'random' as strategy
    union all
    select 'nobody' as strategy
),

named as (
    select
        plans.domain,
        plans.left_cents,
        names.strategy,
        plans.evidence,
        plans.evidence_code
    from plans
    cross join names
),

final as (
    select
        named.domain,
        named.strategy,
        named.left_cents / 100.0 as budget,
        coalesce(totals.customers, 0) as customers,
        coalesce(totals.spend_cents, 0) / 100.0 as expected_spend,
        coalesce(totals.profit_cents, 0) / 100.0 as expected_profit,
        named.evidence,
        named.evidence_code
    from named
    left join totals
        on
            named.domain = totals.domain
            and named.strategy = totals.strategy
)

select * from final
