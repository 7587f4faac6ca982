{#- What people decided about an id holds for all ids of its customer, by the latest word of the map
    of ids: who asked under an old id not to be contacted is not contacted under the new one.
    Rows: those of the relation, and for each other id of the same customer one more; is_own tells
    them apart.
    decided  relation with domain and customer_id, an id
    columns  its other columns -#}
{% macro for_every_id(decided, columns) -%}
    select
        decided.domain,
        decided.customer_id,
        decided.{{ columns | join(',\n        decided.') }},
        true as is_own
    from {{ decided }} as decided
    union all
    select
        decided.domain,
        others.id as customer_id,
        decided.{{ columns | join(',\n        decided.') }},
        false as is_own
    from {{ decided }} as decided
    inner join {{ ref('control__identities') }} as own
        on
            decided.domain = own.domain
            and decided.customer_id = own.id
            and own.known_until = date '9999-12-31'
    inner join {{ ref('control__identities') }} as others
        on
            own.domain = others.domain
            and own.known_as = others.known_as
            and own.id != others.id
            and others.known_until = date '9999-12-31'
{%- endmacro %}
