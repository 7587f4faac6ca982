-- One row per scored customer and driver of the live runs, in words.
with

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
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

matched as (
    select
        drivers.*,
        features.theme,
        features.driver_group,
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
        feature,
        coalesce(theme, case when feature = 'cohort_level' then 'calendar' else 'other' end)
            as theme,
        coalesce(driver_group, case when feature = 'cohort_level' then feature else 'other' end)
            as driver_group,
        case when contribution_log_odds >= 0 then 'raises' else 'lowers' end as direction,
        {{ driver_strength('contribution_log_odds') }} as strength,
        {{ driver_sentence() }} as sentence,
        value,
        usual_value,
        contribution_log_odds
    from phrased
)

select * from worded
