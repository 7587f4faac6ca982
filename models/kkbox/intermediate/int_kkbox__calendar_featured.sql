-- One row per member and cut-off: the calendar__ features: season, the day of the expiry, and the
-- member's own listening in the same four weeks a year before.
with

listening as (
    select * from {{ ref('int_kkbox__listening_summarised') }}
),

featured as (
    select
        listening.customer_id,
        listening.as_of_date,
        cast(extract(month from listening.as_of_date) as bigint) as calendar__month,
        {{ days_between('listening.as_of_date', add_months('listening.as_of_date', 1)) }}
            as calendar__days_in_cohort_month,
        cast(extract(day from listening.expires_on) as bigint) as calendar__expiry_day,
        -- 2000-01-03 was a Monday
        {{ days_between("date '2000-01-03'", 'listening.expires_on') }} % 7 + 1
            as calendar__expiry_weekday,
        case
            when listening.is_covered_last_year
                then coalesce(listening.active_days_28d_last_year, 0)
        end as calendar__active_days_28d_last_year
    from listening
)

select * from featured
