-- One row per label definition, customer and cut-off, by the rules that single subscriptions have
-- beside the one of the kind. Their cohorts close as those of the kind do.
{{ staged_union('subscription', 'derived_labels') }}
