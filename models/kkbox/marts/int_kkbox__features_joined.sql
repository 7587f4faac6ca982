{{ config(materialized='table') }}
-- One row per member and cut-off that this build makes: every feature. Nothing about outcomes is
-- upstream of this model, which is what real time, the time-travel proof and the mart all run.
{{ features_of('kkbox') }}
