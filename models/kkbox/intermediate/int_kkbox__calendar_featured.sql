-- One row per member and cut-off: the calendar__ features: season, the day of the expiry, and the
-- member's own listening in the same four weeks a year before.
with

cohort as (
    select
        customer_id,
        as_of_date,
        expires_on
    from {{ ref('int_kkbox__memberships_expiring') }}
),

listening as (
    select
        customer_id,
        as_of_date,
        active_days_28d_last_year
    from {{ ref('int_kkbox__listening_summarised') }}
),

coverage as (
    select
        as_of_date,
        {{ is_covered('kkbox', 'coverage', 'as_of_date', 393, until=365) }} as is_covered_last_year
    from {{ source('kkbox_control', 'coverage') }} as coverage
    where table_name = 'user_logs'
),

featured as (
    select
        cohort.customer_id,
        cohort.as_of_date,
        cast(extract(month from cohort.as_of_date) as bigint) as calendar__month,
        {{ days_between('cohort.as_of_date', add_months('cohort.as_of_date', 1)) }}
            as calendar__days_in_cohort_month,
        cast(extract(day from cohort.expires_on) as bigint) as calendar__expiry_day,
        -- 2000-01-03 was a Monday
        {{ days_between("date '2000-01-03'", 'cohort.expires_on') }} % 7 + 1
            as calendar__expiry_weekday,
        case
            when coverage.is_covered_last_year
                then coalesce(listening.active_days_28d_last_year, 0)
        end as calendar__active_days_28d_last_year
    from cohort
    left join listening
        on
            cohort.customer_id = listening.customer_id
            and cohort.as_of_date = listening.as_of_date
    left join coverage on cohort.as_of_date = coverage.as_of_date
)

select * from featured
