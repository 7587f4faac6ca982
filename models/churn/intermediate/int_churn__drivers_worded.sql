-- One row per scored customer and driver of the live runs: the sentence a marketer reads, from the
-- phrase in the feature's YAML, the customer's value and what is usual.
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
        case when drivers.contribution_log_odds >= 0 then 'raises' else 'lowers' end as direction,
        case
            when abs(drivers.contribution_log_odds) >= 0.7 then 'strong'
            when abs(drivers.contribution_log_odds) >= 0.2 then 'medium'
            else 'weak'
        end as strength,
        case
            when drivers.feature = 'other' then 'all other patterns together'
            when drivers.value is null then coalesce(features.phrase_null, features.description)
            when features.phrase_true is not null and drivers.value = 1
                then
                    features.phrase_true || ' ('
                    || {{ format_value('drivers.usual_value', "'share'") }} || ' of customers)'
            when features.phrase_true is not null
                then
                    features.phrase_false || ' ('
                    || {{ format_value('1 - drivers.usual_value', "'share'") }} || ' of customers)'
            when features.phrase_negative is not null and drivers.value < 0
                then {{ fill_phrase('features.phrase_negative', '-drivers.value') }}
            else {{ fill_phrase('features.phrase', 'drivers.value') }}
        end as sentence,
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
