-- One row per label definition, customer and cut-off, of every subscription whose files hold
-- outcomes.
{{ staged_union('subscription', 'supplied_labels') }}
