-- One row per cut-off, customer of some cohort and day with an event in the 90 days before it: what
-- the customer's sessions of that day held. Events without a session are one session a day.
with

cohort as (
    select customer_id
    from {{ ref('int_no_contract__cohorts_narrowed') }}
),

cut_offs as (
    select
        cut_offs.domain,
        cut_offs.as_of_date
    from {{ ref('control__feature_cut_offs') }} as cut_offs
    inner join {{ ref('stg_no_contract__settings') }} as entries
        on cut_offs.domain = entries.domain
),

days_in_reach as (
    {{ number_series(1, 90, 'days_before') }}
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
sessions as (
    select
        domain,
        customer_id,
        happened_on,
        session_id,
        count(*) filter (where event_type = 'view') as views,
        count(*) filter (where event_type = 'cart') as carts,
        count(*) filter (where event_type = 'remove_from_cart') as removes,
        count(*) filter (where event_type = 'purchase') as purchases,
        count(distinct product_id) filter (where event_type = 'view') as products_viewed,
        count(distinct department) filter (where event_type = 'view') as departments_viewed,
        count(*) filter (where event_type = 'view' and is_category_unknown)
            as categoryless_views,
        count(*) filter (where is_price_zero) as zero_price_events,
        count(*) filter (where extract(hour from happened_at) >= 18) as evening_events,
        count(*) as events
    from {{ ref('stg_no_contract__events_corrected') }}
    where
        not is_refund  -- the business books it
        and happened_on in (select window_days.day from window_days)
        and customer_id in (select cohort.customer_id from cohort)
    group by domain, customer_id, happened_on, session_id
),

customer_days as (
    select
        domain,
        customer_id,
        happened_on,
        count(*) as sessions,
        count(*) filter (where session_id is null) as sessionless_days,
        count(*) filter (where views > 0) as viewing_sessions,
        count(*) filter (where carts > 0) as cart_sessions,
        count(*) filter (where carts > 0 and purchases = 0) as abandoned_sessions,
        count(*) filter (where purchases > 0) as buying_sessions,
        {% for count in [
            'views', 'carts', 'removes', 'products_viewed', 'departments_viewed',
            'categoryless_views', 'zero_price_events', 'evening_events', 'events'
        ] -%}
        cast(sum({{ count }}) as bigint) as {{ count }}
        {%- if not loop.last %},{% endif %}
        {% endfor -%}
    from sessions
    group by domain, customer_id, happened_on
),

final as (
    select
        window_days.as_of_date,
        window_days.days_before,
        customer_days.*,
        -- 2000-01-01 was a Saturday
        {{ days_between("date '2000-01-01'", 'customer_days.happened_on') }} % 7 < 2 as is_weekend
    from customer_days
    inner join window_days
        on
            customer_days.domain = window_days.domain
            and customer_days.happened_on = window_days.day
)

select * from final
