-- One row per domain and cut-off: what the features of the cut-off are made from, the SQL apart.
-- The rows of the lake before it, what the control relations say at it, and how ids are resolved at
-- it; nothing from the cut-off on, so that a new day changes no key and late rows change those of
-- the cut-offs after their day.
with

cut_offs as (
    select * from {{ ref('control__cut_offs') }}
),

knowledge as (
    select * from {{ ref('control__knowledge') }}
),

lake_days as (
    select * from {{ source('kept', 'lake_days') }}
),

coverage as (
    select * from {{ ref('control__coverage') }}
),

windows as (
    select * from {{ ref('control__windows') }}
),

identities as (
    select * from {{ ref('control__identities') }}
    where id != known_as
),

lake_tables as (
    select
        cut_offs.domain,
        cut_offs.as_of_date,
        lake_days.table_name,
        sum(lake_days.day_rows) as table_rows,
        sum(lake_days.day_checksum) as table_checksum
    from cut_offs
    inner join lake_days
        on
            cut_offs.domain = lake_days.domain
            and cut_offs.as_of_date > lake_days.day
    group by cut_offs.domain, cut_offs.as_of_date, lake_days.table_name
),

facts as (
    select
        domain,
        as_of_date,
        {{ row_hash(["'lake'", 'table_name', 'table_rows', 'table_checksum']) }} as fact
    from lake_tables
    union all
    select
        domain,
        as_of_date,
        {{ row_hash(["'coverage'", 'table_name', 'covered_from', 'covered_before']) }} as fact
    from coverage
    union all
    select
        domain,
        as_of_date,
        {{ row_hash(["'window'", 'table_name', 'window_days', 'until_days', 'is_whole']) }} as fact
    from windows
    union all
    select
        cut_offs.domain,
        cut_offs.as_of_date,
        {{ row_hash(["'id'", 'identities.id', 'identities.known_as']) }} as fact
    from cut_offs
    inner join identities
        on
            cut_offs.domain = identities.domain
            and cut_offs.as_of_date > identities.known_after
            and cut_offs.as_of_date <= identities.known_until
    union all
    -- rows from the knowledge cut-off on are not read, however late the cut-off
    select
        cut_offs.domain,
        cut_offs.as_of_date,
        {{ row_hash(["'known'", 'least(cut_offs.as_of_date, knowledge.known_before)']) }} as fact
    from cut_offs
    inner join knowledge on cut_offs.domain = knowledge.domain
),

summed as (
    select
        domain,
        as_of_date,
        count(*) as facts,
        {{ row_checksum(['fact']) }} as fact_checksum
    from facts
    group by domain, as_of_date
),

hashed as (
    select
        domain,
        as_of_date,
        {{ row_hash(['facts', 'fact_checksum']) }} as content_hash
    from summed
),

final as (
    select
        domain,
        as_of_date,
        content_hash,
        {{ feature_key('domain', 'content_hash') }} as feature_key
    from hashed
)

select * from final
