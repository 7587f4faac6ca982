-- One row per customer and cut-off made by an earlier build: its features, as they are kept.
{{ features_kept('ecommerce') }}
