{{ config(materialized='table') }}
-- One row per customer and cut-off whose current expiry falls in the month from the cut-off: the
-- cohort, with the state of the last transaction before the cut-off. On the last days of a month
-- that is longer than the next one, the window runs over into the month after it; it never shrinks.
-- A cut-off may look at a month that begins later (due_from), which is how the cost of earliness is
-- measured.
with

periods as (
    select * from {{ ref('int_subscription__periods_ordered') }}
),

cut_offs as (
    select
        domain,
        as_of_date,
        coalesce(due_from, as_of_date) as due_from
    from {{ ref('control__cut_offs') }}
),

last_before_cut_off as (
    select
        periods.*,
        cut_offs.as_of_date
    from cut_offs
    inner join periods
        on
            cut_offs.domain = periods.domain
            and cut_offs.as_of_date > periods.transacted_on
            and cut_offs.as_of_date <= coalesce(periods.next_transacted_on, date '9999-12-31')
            and cut_offs.due_from <= periods.expires_on
    where periods.expires_on < {{ month_after('cut_offs.due_from') }}
),

cohort as (
    select
        domain,
        customer_id,
        as_of_date,
        transacted_on,
        expires_on,
        position,
        payment_method,
        plan_days,
        list_price,
        amount_paid,
        is_auto_renew,
        is_cancel,
        is_zero_plan_days,
        is_zero_paid,
        is_trial,
        is_expiry_before_transaction,
        renewal_gap_days
    from last_before_cut_off
),

final as (
    {{ cohort_as_known('cohort') }}
)

select * from final
