{{ config(materialized='table') }}
-- One row per label definition and cut-off: size, churners, when the cohort closes, whether it is
-- frozen, and a checksum that adds up over rows and cohorts.
{{ label_cohorts_counted('kkbox') }}
