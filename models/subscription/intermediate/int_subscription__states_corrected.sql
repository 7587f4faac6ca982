-- One row per customer and cut-off whose features this build makes, with the state of the last
-- transaction before the cut-off as the corrections leave it. The expiry, which is when the
-- decision is due, stays that of the cohort.
{%- if is_kind_corrected('subscription', 'periods') %}
select
    cohort.domain,
    cohort.customer_id,
    cohort.as_of_date,
    periods.transacted_on,
    cohort.expires_on,
    periods.position,
    periods.payment_method,
    periods.plan_days,
    periods.list_price,
    periods.amount_paid,
    periods.is_auto_renew,
    periods.is_cancel,
    periods.is_zero_plan_days,
    periods.is_zero_paid,
    periods.is_trial,
    periods.is_expiry_before_transaction,
    periods.renewal_gap_days
from {{ ref('int_subscription__cohorts_narrowed') }} as cohort
inner join {{ ref('int_subscription__periods_corrected') }} as periods
    on
        cohort.domain = periods.domain
        and cohort.customer_id = periods.customer_id
        and cohort.as_of_date > periods.transacted_on
        and cohort.as_of_date <= coalesce(periods.next_transacted_on, date '9999-12-31')
{%- else %}
select * from {{ ref('int_subscription__cohorts_narrowed') }}
{%- endif %}
