{{ config(materialized='table') }}
-- One row per table of the source, part of it that coverage is kept for, day with an event,
-- and day on which its rows were first seen.
{{ event_days('<< name >>', [<< event_tables >>]) }}
