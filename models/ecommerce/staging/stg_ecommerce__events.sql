-- One row per event as the files have it and history that it is part of, which is that of its id
-- where no map of ids says more; nothing dropped, anomalies flagged.
with

source as (
    {{ under_each_history('ecommerce', source('ecommerce', 'events'), 'user_id') }}
),

knowledge as (
    select known_before from {{ ref('control__knowledge') }}
    where domain = 'ecommerce'
),

renamed as (
    select
        -- ids
        source.known_as as customer_id,
        source.user_session as session_id,
        source.product_id,
        source.category_id,

        -- time: the day of UTC, in which cut-offs are, and the moment on the shop's clocks
        source.event_date as happened_on,
        {{ local_time('source.event_time', 'ecommerce') }} as happened_at,

        -- what
        source.event_type,
        split_part(source.category_code, '.', 1) as department,
        source.brand,

        -- units, and cents of one
        cast(abs(coalesce(source.quantity, 1)) as bigint) as units,
        cast(round(abs(source.price) * 100) as bigint) as price_cents,

        -- flags
        source.category_code is null as is_category_unknown,
        source.brand is null as is_brand_unknown,
        coalesce(source.price = 0, false) as is_price_zero,
        -- a purchase with a negative price or quantity gives back; event_type stays as it was
        -- logged, so that the lake's files of other types are not read
        source.event_type = 'refund' or (
            source.event_type = 'purchase'
            and coalesce(source.price < 0 or source.quantity < 0, false)
        ) as is_refund
    from source
    inner join knowledge on source.event_date < knowledge.known_before
    where {{ in_sample(known_customer('source.known_as')) }}
),

final as (
    select
        *,
        price_cents * units as amount_cents
    from renamed
)

select * from final
