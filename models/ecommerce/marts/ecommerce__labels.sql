{{ config(materialized='table') }}
-- One row per label definition, customer and cut-off. A frozen cohort is read from its file and
-- never computed again; the others are as the raw data have them today.
{{ labels_kept('ecommerce') }}
