-- One row per domain, id of its map of ids, history that the id's events are part of, and span of
-- cut-offs at which that holds: known_after < D <= known_until. Ids of no map have no row: they are
-- their own customers.
{%- for domain, entry in built_domains().items() if entry.identities %}
select
    '{{ domain }}' as domain,
    id,
    customer_id,
    known_as,
    known_after,
    known_until
from {{ ref(entry.identities) }}
union all
{%- endfor %}
{{ no_rows(model.columns.values() if execute else []) }}
