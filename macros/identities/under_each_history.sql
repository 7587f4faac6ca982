{#- The rows of a source, each for every history that it is part of (known_as of
    control__identities): that of its own id, and those of the customer whose id it is. Without a
    map of ids there are no others, and the second read is of nothing. Rows: those of the source,
    and known_as.
    id_column  of the source -#}
{% macro under_each_history(domain, source, id_column) -%}
    with

    histories as (
        select distinct
            id,
            known_as
        from {{ ref('control__identities') }}
        where
            domain = '{{ domain }}'
            and id != known_as
    )

    select
        source.*,
        source.{{ id_column }} as known_as
    from {{ source }} as source
    union all
    select
        source.*,
        histories.known_as
    from {{ source }} as source
    inner join histories on source.{{ id_column }} = histories.id
{%- endmacro %}
