{{ config(materialized='table') }}
-- One row per domain: the share that is held out, whether it can show the effect that its plan is
-- expected to have, and how many customers that would take.
--
-- Two proportions, two-sided 5 %, power 80 %. The churn of those held out is the mean probability,
-- of those treated that less what the actions are expected to avert; n * (effect / quantiles)^2
-- must reach the variances over the shares.
{%- set two_sided_5_per_cent = 1.959964 %}
{%- set power_80_per_cent = 0.841621 %}
{%- set least_share, greatest_share = 10, 50 %}
with

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

totals as (
    select * from {{ ref('int_churn__plan_totals_summed') }}
),

periods as (
    select * from {{ ref('int_churn__periods_summarised') }}
),

shares as (
    {{ number_series(least_share, greatest_share, 'share') }}
),

-- Customers it takes at each share.
needed as (
    select
        totals.domain,
        shares.share,
        power(({{ two_sided_5_per_cent }} + {{ power_80_per_cent }}) / nullif(totals.effect, 0), 2)
        * (
            totals.churn_without * (1 - totals.churn_without) / (shares.share / 100.0)
            + (totals.churn_without - totals.effect) * (1 - totals.churn_without + totals.effect)
            / (1 - shares.share / 100.0)
        ) as customers
    from totals
    cross join shares
),

powered as (
    select
        needed.domain,
        min(needed.share) filter (
            where needed.customers <= totals.compared_customers
        ) as least_share,
        max(needed.customers) filter (where needed.share = {{ least_share }}) as customers_at_10,
        max(needed.customers) filter (where needed.share = {{ greatest_share }}) as customers_at_50
    from needed
    inner join totals on needed.domain = totals.domain
    group by all
),

final as (
    select
        plans.domain,
        -- thousandths; a period keeps the share that it has drawn by; without a share that can
        -- measure, the least one: pooled campaigns need it
        coalesce(
            plans.holdout_per_mille,
            periods.drawn_per_mille,
            10 * powered.least_share,
            10 * {{ least_share }}
        ) as holdout_per_mille,
        plans.holdout_per_mille is null as is_holdout_automatic,
        powered.least_share is not null as can_be_measured,
        cast(ceil(powered.customers_at_10) as bigint) as customers_needed_at_10,
        cast(ceil(powered.customers_at_50) as bigint) as customers_needed_at_50,
        cast(ceil(powered.customers_at_10 / totals.compared_customers) as bigint)
            as campaigns_needed_at_10,
        cast(ceil(powered.customers_at_50 / totals.compared_customers) as bigint)
            as campaigns_needed_at_50
    from plans
    inner join periods on plans.domain = periods.domain
    inner join totals on plans.domain = totals.domain
    inner join powered on plans.domain = powered.domain
)

select * from final
