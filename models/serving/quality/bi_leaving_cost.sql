-- One row per domain, cut-off and value band: which share of its value leaving costs, on which
-- cohorts that was measured, and what it then came to.
with

measured as (
    select * from {{ ref('int_churn__leaving_costs_measured') }}
),

bands as (
    select * from {{ ref('int_churn__value_bands_cut') }}
),

checked as (
    select * from {{ ref('int_churn__leaving_costs_checked') }}
),

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select
        measured.domain,
        measured.as_of_date,
        measured.value_band,
        live.run_id is not null as is_scored,
        case measured.value_band
            when 'low' then bands.low_until
            when 'middle' then bands.middle_until
        end as value_until,
        measured.horizon_days,
        measured.stayed_share,
        measured.left_share,
        measured.leaving_share,
        measured.first_cohort,
        measured.last_cohort,
        measured.customers_stayed,
        measured.customers_left,
        measured.is_of_band,
        checked.checked_days,
        checked.customers as checked_customers,
        checked.expected_cents / 100.0 as expected_cost,
        checked.realised_cents / 100.0 as realised_cost
    from measured
    inner join bands
        on
            measured.domain = bands.domain
            and measured.as_of_date = bands.as_of_date
    left join checked
        on
            measured.domain = checked.domain
            and measured.as_of_date = checked.as_of_date
            and measured.value_band = checked.value_band
    left join live
        on
            measured.domain = live.domain
            and measured.as_of_date = live.as_of_date
)

select * from final
