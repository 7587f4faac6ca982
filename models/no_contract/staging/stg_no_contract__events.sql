-- One row per event of a visit, of every domain without a contract that logs visits.
{{ staged_union('no_contract', 'events') }}
