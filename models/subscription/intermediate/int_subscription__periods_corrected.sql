{{ config(materialized='table') if is_kind_corrected('subscription', 'periods') else '' }}
-- One row per change of a membership in the order of its days, beside what held before it: what
-- features rest on. The rows as the files have them where no correction is adopted; otherwise the
-- corrected ones, walked in the same order.
{% if is_kind_corrected('subscription', 'periods') -%}
with

ordered as (
    select
        *,
        row_number() over customer_walk as position,
        lag(transacted_on) over customer_walk as previous_transacted_on,
        lag(expires_on) over customer_walk as previous_expires_on,
        lag(is_expiry_ancient) over customer_walk as is_previous_expiry_ancient,
        lag(plan_days) over customer_walk as previous_plan_days,
        lag(payment_method) over customer_walk as previous_payment_method,
        lag(is_auto_renew) over customer_walk as previous_is_auto_renew,
        lag(is_cancel) over customer_walk as previous_is_cancel,
        lag(is_change) over customer_walk as previous_is_change,
        lag(amount_paid) over customer_walk as previous_amount_paid,
        lag(list_price) over customer_walk as previous_list_price,
        -- only tells whether a row is the last one before a cut-off; never a feature
        lead(transacted_on) over customer_walk as next_transacted_on
    from {{ ref('stg_subscription__periods_corrected') }}
    window customer_walk as (
        partition by domain, customer_id
        order by {{ walk_order() }}
    )
),

final as (
    {{ periods_measured('ordered') }}
)

select * from final
{%- else -%}
select
    *,
    false as is_inferred,
    cast(null as string) as correction
from {{ ref('int_subscription__periods_ordered') }}
{%- endif %}
