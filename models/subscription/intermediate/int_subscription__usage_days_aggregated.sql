-- One row per cut-off, customer and day in reach of a window: the 90 days before the cut-off and
-- the same four weeks a year earlier. Two records of one day become one, and are counted.
with

cut_offs as (
    select
        cut_offs.domain,
        cut_offs.as_of_date
    from {{ ref('control__feature_cut_offs') }} as cut_offs
    inner join {{ ref('stg_subscription__settings') }} as entries
        on cut_offs.domain = entries.domain
),

cohort as (
    select customer_id
    from {{ ref('int_subscription__cohorts_narrowed') }}
),

records as (
    select * from {{ ref('stg_subscription__usage') }}
),

days_in_reach as (
    {{ number_series(1, 90, 'days_before') }}
    union all
    {{ number_series(366, 393, 'days_before') }}
),

window_days as (
    select
        cut_offs.domain,
        cut_offs.as_of_date,
        days_in_reach.days_before,
        {{ add_days('cut_offs.as_of_date', '-days_in_reach.days_before') }} as day
    from cut_offs
    cross join days_in_reach
),

-- Only days that some window needs are read from the lake, and only customers of some cohort, of
-- any domain: one column filters the files fast, and the joins below keep the domains apart.
customer_days as (
    select
        records.domain,
        records.customer_id,
        records.used_on,
        count(*) as log_rows,
        cast(sum(records.seconds) as bigint) as seconds,
        cast(sum(records.items_skipped) as bigint) as items_skipped,
        cast(sum(records.items_completed) as bigint) as items_completed,
        cast(sum(records.items_different) as bigint) as items_different,
        cast(sum(records.items_played) as bigint) as items_played,
        bool_or(records.is_seconds_negative) as is_seconds_negative,
        bool_or(records.is_seconds_over_a_day) as is_seconds_over_a_day
    from records
    where
        records.used_on in (select window_days.day from window_days)
        and records.customer_id in (select cohort.customer_id from cohort)
    group by records.domain, records.customer_id, records.used_on
),

squared as (
    select
        *,
        {{ exact_square('seconds') }} as seconds_squared,
        -- 2000-01-01 was a Saturday
        {{ days_between("date '2000-01-01'", 'used_on') }} % 7 < 2 as is_weekend
    from customer_days
),

final as (
    select
        window_days.as_of_date,
        window_days.days_before,
        squared.*
    from squared
    inner join window_days
        on
            squared.domain = window_days.domain
            and squared.used_on = window_days.day
)

select * from final
