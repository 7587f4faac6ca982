-- One row per scored customer of the live runs and group of drivers: what many features say of one
-- thing is one reason. Its sentence is that of the feature that says it loudest.
with

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
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

matched as (
    select
        drivers.*,
        features.group_title,
        features.theme,
        features.is_actionable,
        {{ driver_phrase() }}
    from drivers
    left join features
        on
            drivers.domain = features.domain
            and drivers.feature = features.feature
),

phrased as (
    select
        *,
        {{ driver_words() }}
    from matched
),

worded as (
    select
        run_id,
        domain,
        customer_id,
        as_of_date,
        rank,
        driver_group,
        case
            when driver_group = 'other' then 'Everything else'
            when driver_group = 'cohort_level' then 'The whole cohort'
            else coalesce(group_title, driver_group)
        end as group_title,
        theme,
        case when contribution_log_odds >= 0 then 'raises' else 'lowers' end as direction,
        {{ driver_strength('contribution_log_odds') }} as strength,
        coalesce(is_actionable, false) as is_actionable,
        {{ driver_is_typical() }} as is_typical,
        feature,
        {{ driver_sentence() }} as sentence,
        value,
        usual_value,
        contribution_log_odds
    from phrased
)

select * from worded
