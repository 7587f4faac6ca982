-- One row per member and cut-off: the membership__ features: tenure, the current expiry, and the
-- member's own past renewals. A gap is the days from an expiry to the purchase that followed it.
with

history as (
    select * from {{ ref('int_kkbox__history_summarised') }}
),

featured as (
    select
        history.customer_id,
        history.as_of_date,

        -- the current expiry
        {{ days_between('history.as_of_date', 'history.expires_on') }}
            as membership__days_to_expiry,
        {{ days_between('history.transacted_on', 'history.expires_on') }}
            as membership__days_paid_ahead,
        cast(history.renewal_gap_days as bigint) as membership__gap_at_last_transaction,

        -- how long, and how much of it is on record
        history.tenure_days as membership__tenure_days,
        {{ days_between('history.covered_from', 'history.as_of_date') }} <= history.tenure_days + 31
            as membership__is_history_truncated,

        -- past renewals
        history.renewals as membership__renewals,
        history.early_renewals as membership__early_renewals,
        history.late_renewals as membership__late_renewals,
        {{ exact_ratio('history.late_renewals', 'history.renewals') }} as membership__late_share,
        history.lapses as membership__lapses,
        case when history.is_covered_365d then history.lapses_365d end as membership__lapses_365d,
        history.days_since_last_return as membership__days_since_last_return,
        cast(history.last_gap_days as bigint) as membership__last_gap_days,
        cast(history.largest_gap_days as bigint) as membership__largest_gap_days,
        {{ exact_ratio('history.gap_sum', 'history.renewals') }} as membership__mean_gap_days,
        {{ exact_stddev('history.renewals', 'history.gap_sum', 'history.gap_square_sum') }}
            as membership__gap_spread_days
    from history
)

select * from featured
