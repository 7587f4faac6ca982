-- One row per transaction as the files have it and history that it is part of, which is that of its
-- id where no map of ids says more; nothing dropped, anomalies flagged.
{#- the files begin here: an expiry before it is a mark, not a day -#}
{%- set first_expiry = "date '2015-01-01'" %}
with

source as (
    {{ under_each_history('kkbox', source('kkbox', 'transactions'), 'msno') }}
),

knowledge as (
    select known_before from {{ ref('control__knowledge') }}
    where domain = 'kkbox'
),

renamed as (
    select
        -- ids
        source.known_as as customer_id,
        source.payment_method_id,

        -- dates
        source.transaction_date as transacted_on,
        source.membership_expire_date as expires_on,

        -- days
        source.payment_plan_days as plan_days,

        -- money, whole NT$; bigint, since differences and products of what the file may hold are no
        -- integers
        cast(source.plan_list_price as bigint) as list_price,
        cast(source.actual_amount_paid as bigint) as amount_paid,

        -- flags
        coalesce(source.is_auto_renew = 1, false) as is_auto_renew,
        coalesce(source.is_cancel = 1, false) as is_cancel,
        source.membership_expire_date < {{ first_expiry }} as is_expiry_ancient,
        coalesce(source.actual_amount_paid = 0 and source.payment_plan_days between 1 and 29, false)
            as is_trial,

        -- the organisers' tie-break on one day, compared as text
        coalesce({{ dbt.cast('source.plan_list_price', dbt.type_string()) }}, '')
        || coalesce({{ dbt.cast('source.payment_plan_days', dbt.type_string()) }}, '')
        || coalesce({{ dbt.cast('source.payment_method_id', dbt.type_string()) }}, '')
            as price_signature
    from source
    inner join knowledge on source.transaction_date < knowledge.known_before
    where {{ in_sample(known_customer('source.known_as')) }}
)

select * from renamed
