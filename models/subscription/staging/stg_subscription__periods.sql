-- One row per change of a membership, of every subscription.
{{ staged_union('subscription', 'periods') }}
