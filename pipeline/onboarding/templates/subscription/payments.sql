-- One row per payment or refund and history that it is part of. A refund is negative; a
-- cancellation is not a payment, and a change is one where money was paid for it.
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
        source.known_as as customer_id,
        source.<< day >> as paid_on,
        << cents >> as cents,
        << refund >> as is_refund,
        << cancel >> as is_cancel
    from source
    inner join knowledge on source.<< day >> < knowledge.known_before
    where
        {{ in_sample(known_customer('source.known_as')) }}
<% if row_condition %>
        and << row_condition >>
<% endif %>
)

select
    customer_id,
    paid_on,
    case when is_refund then -abs(cents) else cents end as amount_cents
from renamed
where
    cents != 0
    and (is_refund or not is_cancel)
