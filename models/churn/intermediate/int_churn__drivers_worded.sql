-- One row per scored customer and driver of the live runs, in words.
with

live as (
    select * from {{ ref('int_churn__runs_live') }}
),

drivers as (
    select drivers.*
    from {{ ref('stg_churn__drivers') }} as drivers
    inner join live
        on
            drivers.run_id = live.run_id
            and drivers.as_of_date = live.as_of_date
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
        drivers.feature,
        coalesce(features.theme, 'other') as theme,
        coalesce(features.driver_group, 'other') as driver_group,
        case when drivers.contribution_log_odds >= 0 then 'raises' else 'lowers' end as direction,
        {{ driver_strength('drivers.contribution_log_odds') }} as strength,
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
