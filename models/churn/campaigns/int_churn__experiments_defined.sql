{{ config(materialized='table') }}
-- One row per experiment: how its effect is measured. An interval that is looked at before every
-- outcome is known holds at every look, and how many customers were expected to stay was fixed at
-- the launch. Money is measured once every outcome is known.
with

members as (
    select * from {{ ref('int_churn__experiment_members_listed') }}
),

experiments as (
    select
        kind,
        domain,
        subject,
        slice,
        part,
        experiment,
        min(cast(is_closed as integer)) = 1 as is_closed,
        -- millionths: a sum that is the same every time
        cast(sum(cast(round(1000000 * (1 - churn_probability)) as bigint)) as double) / 1000000
            as expected_stayers
    from members
    group by all
),

final as (
    select
        kind,
        domain,
        subject,
        slice,
        part,
        experiment,
        is_closed,
        'control' as control_arm,
        case when not is_closed then greatest(1, expected_stayers) end as expected,
        cast(0.05 as double) as alpha,
        cast(1.959963984540054 as double) as quantile,
        case when is_closed then cast(100 as double) end as units
    from experiments
)

select * from final
