{{ config(materialized='table') }}
-- One row per table of the source, part of it that coverage is kept for, and day with an
-- event, with its rows.
{{ event_days('ecommerce', ['events']) }}
