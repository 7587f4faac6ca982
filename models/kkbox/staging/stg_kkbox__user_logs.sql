-- One row per row of the listening logs and history that it is part of, which is that of its id
-- where no map of ids says more; nothing dropped, impossible totals flagged. Two rows of one member
-- and day stay two rows: they are counted where days are.
with

source as (
    {{ under_each_history('kkbox', source('kkbox', 'user_logs'), 'msno') }}
),

knowledge as (
    select known_before from {{ ref('control__knowledge') }}
    where domain = 'kkbox'
),

renamed as (
    select
        -- ids
        source.known_as as customer_id,

        -- dates
        source.date as listened_on,

        -- songs; bigint, since sums of what the file may hold are no integers
        cast(coalesce(source.num_25, 0) as bigint) as songs_under_25_percent,
        cast(coalesce(source.num_50, 0) as bigint) as songs_under_50_percent,
        cast(coalesce(source.num_75, 0) as bigint) as songs_under_75_percent,
        cast(coalesce(source.num_985, 0) as bigint) as songs_under_985_percent,
        cast(coalesce(source.num_100, 0) as bigint) as songs_completed,
        cast(coalesce(source.num_unq, 0) as bigint) as songs_different,

        -- whole seconds
        cast(round(coalesce(source.total_secs, 0)) as bigint) as seconds,

        -- flags
        coalesce(source.total_secs < 0, false) as is_seconds_negative,
        coalesce(source.total_secs > 86400, false) as is_seconds_over_a_day
    from source
    inner join knowledge on source.date < knowledge.known_before
    where {{ in_sample(known_customer('source.known_as')) }}
)

select * from renamed
