-- One row per domain with something to score: the cut-off that is scored. The var as_of names it,
-- or it is the knowledge cut-off.
{%- set as_of = var('as_of', none) or {} %}
with

knowledge as (
    select * from {{ ref('control__knowledge') }}
),

chosen as (
    select
        domain,
        coalesce(
            {%- for domain, day in as_of.items() %}
            case when domain = '{{ domain }}' then date '{{ day }}' end,
            {%- endfor %}
            known_before
        ) as as_of_date
    from knowledge
),

final as (
    select * from chosen
    where as_of_date is not null
)

select * from final
