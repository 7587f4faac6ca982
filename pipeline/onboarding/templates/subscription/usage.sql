-- One row per record of usage as the files have it and history that it is part of; nothing dropped,
-- impossible totals flagged.
with

source as (
    {{ under_each_history('<< name >>', source('<< name >>', '<< usage.table >>'), '<< usage.customer >>') }}
),

knowledge as (
    select known_before from {{ ref('control__knowledge') }}
    where domain = '<< name >>'
),

renamed as (
    select
        source.known_as as customer_id,
        source.<< usage.day >> as used_on,
        << usage.seconds >> as seconds,
        << usage.count >> as items_played
    from source
    inner join knowledge on source.<< usage.day >> < knowledge.known_before
    where {{ in_sample(known_customer('source.known_as')) }}
)

select
    *,
    cast(null as bigint) as items_skipped,
    cast(null as bigint) as items_completed,
    cast(null as bigint) as items_different,
    coalesce(seconds < 0, false) as is_seconds_negative,
    coalesce(seconds > 86400, false) as is_seconds_over_a_day
from renamed
