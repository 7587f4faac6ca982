-- One row per launched campaign, slice of its members and measure: what contacting them changed.
with

lifts as (
    select * from {{ ref('fct_campaign_lift') }}
),

campaigns as (
    select * from {{ ref('stg_churn__campaigns') }}
),

bands as (
    select
        code,
        title
    from {{ ref('codes') }}
    where kind = 'risk_band'
),

actions as (
    select distinct
        domain,
        action_id,
        title as action_title
    from {{ ref('int_churn__actions_catalogued') }}
),

final as (
    select
        lifts.domain,
        lifts.campaign_id,
        campaigns.campaign_name,
        lifts.as_of_date,
        lifts.slice,
        lifts.part as part_code,
        coalesce(bands.title, actions.action_title, lifts.part) as part,
        lifts.measure,
        lifts.n_treat as customers_treated,
        lifts.n_control as customers_control,
        lifts.n_known as outcomes_known,
        lifts.effect,
        lifts.ci_low,
        lifts.ci_high,
        lifts.shrunk_effect,
        lifts.effect_on_delivered,
        lifts.method,
        lifts.verdict as verdict_code,
        verdicts.title as verdict,
        lifts.failed_check,
        lifts.closes_on
    from lifts
    inner join campaigns on lifts.campaign_id = campaigns.campaign_id
    left join bands
        on
            lifts.slice = 'risk_band'
            and lifts.part = bands.code
    left join actions
        on
            lifts.slice = 'action'
            and lifts.domain = actions.domain
            and lifts.part = actions.action_id
    left join {{ ref('codes') }} as verdicts
        on
            verdicts.kind = 'verdict'
            and lifts.verdict = verdicts.code
)

select * from final
