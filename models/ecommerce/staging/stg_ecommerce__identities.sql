{{ config(materialized='table') }}
-- One row per id of the map, history that its events are part of, and span of cut-offs at which
-- that holds.
{{ identities_resolved(source('ecommerce', 'identities')) }}
