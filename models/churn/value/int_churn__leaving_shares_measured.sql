{{ config(materialized='table') }}
-- One row per domain, cut-off, value band and 30 days after it: which share of their value those
-- who stayed paid in these 30 days and which share those who left, on the twelve monthly cohorts
-- before the cut-off that were closed by then. With fewer than 30 of either in a band, the shares
-- are those of all bands. Both are scaled by the season: what stayers of the cohort of a year ago
-- paid in the same 30 days of the year, over what stayers of all these cohorts did.
{%- set least = 30 %}
{%- set least_of_season = 100 %}
with

cut_offs as (
    select distinct
        domain,
        as_of_date
    from {{ ref('int_churn__value_bands_cut') }}
),

revenues as (
    select * from {{ ref('int_churn__outcome_revenues_summed') }}
),

known as (
    select
        cut_offs.domain,
        cut_offs.as_of_date,
        revenues.as_of_date as cohort,
        revenues.value_band,
        revenues.step,
        revenues.is_churned,
        revenues.customers,
        revenues.value_cents,
        revenues.revenue_cents
    from cut_offs
    inner join revenues
        on
            cut_offs.domain = revenues.domain
            and cut_offs.as_of_date >= revenues.label_known_on
            and cut_offs.as_of_date >= revenues.step_known_on
            -- a year of cohorts, counted from the newest that can be known
            and {{ add_days('cut_offs.as_of_date', '-(366 + 30 * revenues.step)') }}
            <= revenues.as_of_date
),

by_band as (
    {{ outcome_shares('known', ['domain', 'as_of_date', 'value_band', 'step']) }}
),

enough as (
    select * from by_band
    where
        customers_stayed >= {{ least }}
        and customers_left >= {{ least }}
),

overall as (
    {{ outcome_shares('known', ['domain', 'as_of_date', 'step']) }}
),

by_cohort as (
    {{ outcome_shares('known', ['domain', 'as_of_date', 'step', 'cohort']) }}
),

-- the cohort nearest to the day a year ago; months lie at most 35 days apart
years_ago as (
    select
        *,
        row_number() over (
            partition by domain, as_of_date, step
            order by
                abs({{ days_between('cohort', add_days('as_of_date', '-365')) }}) asc,
                cohort asc
        ) as place
    from by_cohort
    where abs({{ days_between('cohort', add_days('as_of_date', '-365')) }}) <= 18
),

seasons as (
    select
        overall.domain,
        overall.as_of_date,
        overall.step,
        years_ago.stayed_share / overall.stayed_share as season
    from years_ago
    inner join overall
        on
            years_ago.domain = overall.domain
            and years_ago.as_of_date = overall.as_of_date
            and years_ago.step = overall.step
    where
        years_ago.place = 1
        and years_ago.customers_stayed >= {{ least_of_season }}
        and years_ago.stayed_share > 0
        and overall.stayed_share > 0
),

bands as (
    select 'low' as value_band
    union all
    select 'middle' as value_band
    union all
    select 'high' as value_band
),

final as (
    select
        overall.domain,
        overall.as_of_date,
        bands.value_band,
        overall.step,
        overall.first_cohort,
        overall.last_cohort,
        enough.value_band is not null as is_of_band,
        coalesce(enough.customers_stayed, overall.customers_stayed) as customers_stayed,
        coalesce(enough.customers_left, overall.customers_left) as customers_left,
        coalesce(seasons.season, 1.0) as season,
        coalesce(seasons.season, 1.0)
        * coalesce(enough.stayed_share, overall.stayed_share) as stayed_share,
        coalesce(seasons.season, 1.0)
        * coalesce(enough.left_share, overall.left_share) as left_share
    from overall
    cross join bands
    left join enough
        on
            overall.domain = enough.domain
            and overall.as_of_date = enough.as_of_date
            and overall.step = enough.step
            and bands.value_band = enough.value_band
    left join seasons
        on
            overall.domain = seasons.domain
            and overall.as_of_date = seasons.as_of_date
            and overall.step = seasons.step
    where
        overall.stayed_share is not null
        and overall.left_share is not null
)

select * from final
