-- One row per record of usage, of every subscription that logs any.
{{ staged_union('subscription', 'usage') }}
