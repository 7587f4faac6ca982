-- One row per transaction: KKBox's changes of a membership.
select
    customer_id,
    transacted_on,
    expires_on,
    plan_days,
    list_price,
    amount_paid,
    {{ dbt.cast('payment_method_id', dbt.type_string()) }} as payment_method,
    is_auto_renew,
    is_cancel,
    false as is_change,
    is_trial,
    is_expiry_ancient,
    price_signature as day_order
from {{ ref('stg_kkbox__transactions') }}
