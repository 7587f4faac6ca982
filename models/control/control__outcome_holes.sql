-- One row per domain and day that is a hole without a reason in the table that shows outcomes.
--
-- Where more than a thirtieth of a cut-off's hole_memory_days are missing, its cohort is as unsure
-- as an outcome: who renewed or ordered in the hole is taken for lost. The first hole of so many
-- makes the cut-offs from the day after the last of them unsure, until it is forgotten.
with

grids as (
    select * from {{ ref('control__grids') }}
),

holes as (
    select
        holes.domain,
        holes.day,
        grids.hole_memory_days,
        -- the holes of a cut-off that is still sure
        cast(floor(grids.hole_memory_days / 30) as integer) as most_holes,
        row_number() over (partition by holes.domain order by holes.day) as number
    from {{ ref('control__holes') }} as holes
    inner join grids
        on
            holes.domain = grids.domain
            and holes.table_name = grids.anchor_table
    where holes.reason is null
),

final as (
    select
        holes.domain,
        holes.day,
        {{ add_days('last_of_many.day', 1) }} as unsure_from,
        case
            when last_of_many.day is not null
                then {{ add_days('holes.day', 'holes.hole_memory_days + 1') }}
        end as unsure_before
    from holes
    left join holes as last_of_many
        on
            holes.domain = last_of_many.domain
            and holes.number + holes.most_holes = last_of_many.number
)

select * from final
