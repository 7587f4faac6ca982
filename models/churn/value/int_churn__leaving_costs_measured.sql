{{ config(materialized='table') }}
-- One row per domain, cut-off and value band: which share of their value leaving costs, over the
-- longest horizon that had closed by the cut-off: what stayers paid less what leavers paid.
with

shares as (
    select
        *,
        row_number() over (
            partition by domain, as_of_date, value_band
            order by step asc
        ) as place
    from {{ ref('int_churn__leaving_shares_measured') }}
),

-- 30 days after 30 days, without a gap; millionths, so that the sum is the same every time
whole as (
    select
        *,
        cast(round(1000000 * stayed_share) as bigint) as stayed_micro,
        cast(round(1000000 * left_share) as bigint) as left_micro
    from shares
    where place = step
),

summed as (
    select
        domain,
        as_of_date,
        value_band,
        30 * max(step) as horizon_days,
        min(first_cohort) as first_cohort,
        max(last_cohort) as last_cohort,
        -- the last 30 days are shown by the fewest cohorts
        min(customers_stayed) as customers_stayed,
        min(customers_left) as customers_left,
        min(cast(is_of_band as integer)) = 1 as is_of_band,
        cast(sum(stayed_micro) as bigint) as stayed_micro,
        cast(sum(left_micro) as bigint) as left_micro
    from whole
    group by all
),

final as (
    select
        domain,
        as_of_date,
        value_band,
        horizon_days,
        first_cohort,
        last_cohort,
        customers_stayed,
        customers_left,
        is_of_band,
        {{ exact_ratio('stayed_micro', 1000000) }} as stayed_share,
        {{ exact_ratio('left_micro', 1000000) }} as left_share,
        {{ exact_ratio('greatest(stayed_micro - left_micro, 0)', 1000000) }} as leaving_share
    from summed
)

select * from final
