-- One row per change of a membership, of every subscription, with the corrections that it adopts.
{{ staged_union('subscription', 'periods', is_corrected=true) }}
