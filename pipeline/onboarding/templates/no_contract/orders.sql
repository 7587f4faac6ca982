-- One row per line of an order or of a refund as the files have it and history that it is part of;
-- anomalies are flagged.
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
        << order >>,
        << product >>,

        -- time
        source.<< day >> as ordered_on,
        << ordered_at >> as ordered_at,

        -- what
        << department >>,
        << brand >>,

        -- units, and cents of << 'the row' if amount else 'one' >>
        << units >> as units,
        << cents >> as << 'amount_cents' if amount else 'price_cents' >>,

        -- flags
<% if refunds | length == 1 %>
        << refunds[0] >> as is_refund
<% else %>
        (
            << refunds | join('\n            or ') >>
        ) as is_refund
<% endif %>
    from source
    inner join knowledge on source.<< day >> < knowledge.known_before
    where
        {{ in_sample(known_customer('source.known_as')) }}
<% if type %>
        and source.<< type.name >> in (<< words >>)
<% endif %>
),

final as (
    select
        *,
<% if amount %>
        case when units > 0 then cast(round(amount_cents / units) as bigint) end as price_cents,
<% else %>
        price_cents * units as amount_cents,
<% endif %>
        department is null as is_category_unknown,
        brand is null as is_brand_unknown
    from renamed
)

select * from final
