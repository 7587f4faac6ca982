{{ config(materialized='table') }}
-- One row per change of a membership in the order of its days, beside what held before it. What
-- cohorts and labels rest on: the rows as the files have them, without corrections.
{{ periods_walked(ref('stg_subscription__periods')) }}
