-- One row per event of a visit, of every shop, with the corrections that it adopts.
{{ staged_union('no_contract', 'events', is_corrected=true) }}
