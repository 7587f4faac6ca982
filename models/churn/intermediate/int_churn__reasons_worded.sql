-- One row per scored customer of the live runs and group of drivers: what many features say of one
-- thing is one reason. Its sentence is that of the feature that says it loudest.
with

live as (
    select * from {{ ref('int_churn__runs_live') }}
),

drivers as (
    select reasons.*
    from {{ ref('stg_churn__reasons') }} as reasons
    inner join live
        on
            reasons.run_id = live.run_id
            and reasons.as_of_date = live.as_of_date
),

features as (
    select * from {{ ref('int_churn__features_described') }}
),

worded as (
    select
        drivers.run_id,
        drivers.domain,
        drivers.customer_id,
        drivers.as_of_date,
        drivers.rank,
        drivers.driver_group,
        coalesce(features.group_title, drivers.driver_group) as group_title,
        features.theme,
        case when drivers.contribution_log_odds >= 0 then 'raises' else 'lowers' end as direction,
        {{ driver_strength('drivers.contribution_log_odds') }} as strength,
        coalesce(features.is_actionable, false) as is_actionable,
        drivers.feature,
        {{ driver_sentence() }} as sentence,
        drivers.value,
        drivers.usual_value,
        drivers.contribution_log_odds
    from drivers
    left join features
        on
            drivers.domain = features.domain
            and drivers.feature = features.feature
)

select * from worded
