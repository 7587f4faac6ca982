-- One row per member with a profile; of a member with several ids, the first registration's. A
-- snapshot taken after everything else: only the registration date, where it lies before a cut-off,
-- is history.
with

source as (
    {{ under_each_history('kkbox', source('kkbox', 'members'), 'msno') }}
),

ordered as (
    select
        *,
        -- a member twice in the file keeps one row, chosen by a total order
        row_number() over (
            partition by known_as
            order by
                registration_init_time nulls last,
                city nulls last,
                bd nulls last,
                gender nulls last,
                registered_via nulls last
        ) as place
    from source
),

renamed as (
    select
        -- ids
        known_as as customer_id,
        city as city_id,
        registered_via as registration_channel_id,

        -- dates
        registration_init_time as registered_on,

        -- person
        bd as age_years,
        lower(gender) as gender,

        -- flags
        coalesce(bd not between 5 and 100, true) as is_age_implausible
    from ordered
    where place = 1
)

select * from renamed
