-- One row per row of the listening logs: KKBox's usage.
select
    customer_id,
    listened_on as used_on,
    seconds,
    songs_under_25_percent + songs_under_50_percent + songs_under_75_percent
    + songs_under_985_percent + songs_completed as items_played,
    songs_under_25_percent as items_skipped,
    songs_completed as items_completed,
    songs_different as items_different,
    is_seconds_negative,
    is_seconds_over_a_day
from {{ ref('stg_kkbox__user_logs') }}
