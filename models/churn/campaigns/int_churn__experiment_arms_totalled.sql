{{ config(materialized='table') }}
-- One row per experiment, stratum and arm: what its customers did, of those whose outcome is known.
with

known as (
    select * from {{ ref('int_churn__experiment_members_listed') }}
    where outcome is not null
),

final as (
    {{ arms_totalled('known', 'known') }}
)

select * from final
