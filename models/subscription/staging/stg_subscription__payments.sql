-- One row per payment, of every subscription.
{{ staged_union('subscription', 'payments') }}
