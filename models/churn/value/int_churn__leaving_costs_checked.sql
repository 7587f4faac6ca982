-- One row per domain, closed cohort and value band: what leaving was expected to cost at the
-- cut-off beside what it then did, over the days that both cover: the shares of value measured
-- before the cut-off and those of the cohort itself, each times the value of the whole band.
with

expected as (
    select * from {{ ref('int_churn__leaving_shares_measured') }}
),

revenues as (
    select
        *,
        as_of_date as cohort
    from {{ ref('int_churn__outcome_revenues_summed') }}
),

realised as (
    {{ outcome_shares('revenues', ['domain', 'as_of_date', 'value_band', 'step']) }}
),

valued as (
    select
        domain,
        as_of_date,
        value_band,
        step,
        cast(sum(customers) as bigint) as customers,
        cast(sum(value_cents) as bigint) as value_cents
    from revenues
    group by all
),

paired as (
    select
        realised.domain,
        realised.as_of_date,
        realised.value_band,
        realised.step,
        valued.customers,
        realised.customers_stayed,
        realised.customers_left,
        cast(round(
            valued.value_cents * (expected.stayed_share - expected.left_share)
        ) as bigint) as expected_cents,
        cast(round(
            valued.value_cents * (realised.stayed_share - realised.left_share)
        ) as bigint) as realised_cents
    from realised
    inner join valued
        on
            realised.domain = valued.domain
            and realised.as_of_date = valued.as_of_date
            and realised.value_band = valued.value_band
            and realised.step = valued.step
    inner join expected
        on
            realised.domain = expected.domain
            and realised.as_of_date = expected.as_of_date
            and realised.value_band = expected.value_band
            and realised.step = expected.step
),

final as (
    select
        domain,
        as_of_date,
        value_band,
        30 * max(step) as checked_days,
        max(customers) as customers,
        max(customers_stayed) as customers_stayed,
        max(customers_left) as customers_left,
        cast(sum(expected_cents) as bigint) as expected_cents,
        cast(sum(realised_cents) as bigint) as realised_cents
    from paired
    group by all
)

select * from final
