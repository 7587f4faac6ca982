-- One row per customer and cut-off: the rhythm__ features, the gaps between the customer's own
-- order days, and where the time since the last one stands among them. Null below two order days.
with

orders as (
    select * from {{ ref('int_no_contract__orders_summarised') }}
),

featured as (
    select
        domain,
        customer_id,
        as_of_date,
        gaps as rhythm__gaps,
        {{ exact_ratio('gap_sum', 'gaps') }} as rhythm__mean_gap_days,
        {{ exact_stddev('gaps', 'gap_sum', 'gap_square_sum') }} as rhythm__gap_spread_days,
        {{ exact_stddev('gaps', 'gap_sum', 'gap_square_sum') }}
        / nullif({{ exact_ratio('gap_sum', 'gaps') }}, 0) as rhythm__gap_variation,
        last_gap as rhythm__last_gap_days,
        largest_gap as rhythm__largest_gap_days,
        smallest_gap as rhythm__smallest_gap_days,
        last_gap - first_gap as rhythm__gap_change_days,
        long_gaps as rhythm__long_gaps,

        -- the time since the last order among the own gaps
        {{ exact_ratio('days_since_last * gaps', 'gap_sum') }} as rhythm__recency_to_mean_gap,
        {{ exact_ratio('days_since_last', 'largest_gap') }} as rhythm__recency_to_largest_gap,
        {{ exact_ratio('days_since_last', 'last_gap') }} as rhythm__recency_to_last_gap,
        {{ exact_ratio('days_since_last * gaps - gap_sum', 'gaps') }} as rhythm__days_overdue,
        {{ exact_ratio('last_gap * gaps', 'gap_sum') }} as rhythm__last_gap_to_mean_gap,

        -- how steady
        {{ exact_ratio('30 * order_days', 'days_since_first') }} as rhythm__order_days_per_30d,
        active_periods_360d as rhythm__active_months_360d,
        {{ exact_ratio('days_since_first - days_since_last', 'days_since_first') }}
            as rhythm__active_share_of_life
    from orders
)

select * from featured
