-- One row per change of a subscription as the files have it and history that it is part of: what
-- was paid or begun, and until when; a cancellation; or a change of the end or the plan. A refund
-- renews nothing and is left to the payments.
with

source as (
    {{ under_each_history('<< name >>', source('<< name >>', '<< table >>'), '<< customer.name >>') }}
),

knowledge as (
    select known_before from {{ ref('control__knowledge') }}
    where domain = '<< name >>'
),

renamed as (
    select
        -- ids
        source.known_as as customer_id,
        << method >> as payment_method,

        -- dates
        source.<< day >> as transacted_on,
        << starts >> as starts_on,
        << expires >> as expires_on,
        << plan_days >> as plan_days,

        -- money, whole units of the currency
        << list_price >> as list_price,
        << amount >> as amount_paid,

        -- flags
        << auto_renew >> as is_auto_renew,
        << cancel >> as is_cancel,
        << change >> as is_change,
        << trial >> as is_trial,

        -- the earlier a row of a day, the higher the text
        << day_order >> as day_order
    from source
    inner join knowledge on source.<< day >> < knowledge.known_before
    where
        {{ in_sample(known_customer('source.known_as')) }}
<% for condition in conditions %>
        and << condition >>
<% endfor %>
),

followed as (
    {{ periods_followed('renamed') }}
)

select * from followed
