{#- Catches a value outside its vocabulary: columns maps a column to the kind of its codes (see the
    macro known_codes). The table is read once for all of them; null is not a value. -#}
{% test are_codes(model, columns) %}
with

met as (
    select distinct {{ columns | join(', ') }}
    from {{ model }}
),

spread as (
    {%- for column, kind in columns.items() %}
    select
        '{{ column }}' as column_name,
        '{{ kind }}' as kind,
        {{ column }} as code
    from met
    {%- if not loop.last %}
    union
    {%- endif %}
    {%- endfor %}
),

known as (
    {%- for kind in columns.values() | unique %}
    select
        '{{ kind }}' as kind,
        code
    from ({{ known_codes(kind) }})
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select spread.*
from spread
left join known
    on
        spread.kind = known.kind
        and spread.code = known.code
where spread.code is not null and known.code is null
{% endtest %}
