{{ config(materialized='table') }}
-- One row per experiment and measure: the contacted less the control group, per customer as
-- assigned. The outcome is that a customer stayed.
with

experiments as (
    select * from {{ ref('int_churn__experiments_defined') }}
),

totals as (
    select * from {{ ref('int_churn__experiment_arms_totalled') }}
),

final as (
    {{ lifts_measured('totals', 'experiments') }}
)

select * from final
