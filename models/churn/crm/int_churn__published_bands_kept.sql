-- One row per customer whose CRM row keeps the band that was published: the probability is still
-- inside it, or outside by no more than .1 and a third of what lies on either side of the limit. So
-- nobody goes back and forth over a limit night after night, and a day that passes without an
-- event, which raises everybody's risk a little, is no news.
with

actions as (
    select * from {{ ref('fct_churn_actions') }}
),

published as (
    select * from {{ ref('stg_churn__published_actions') }}
    where not is_deleted
),

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

limits as (
    select
        domain,
        'critical' as risk_band,
        band_critical as lowest,
        2.0 as highest
    from live
    union all
    select
        domain,
        'high' as risk_band,
        band_high as lowest,
        band_critical as highest
    from live
    union all
    select
        domain,
        'medium' as risk_band,
        band_medium as lowest,
        band_high as highest
    from live
    union all
    select
        domain,
        'low' as risk_band,
        0.0 as lowest,
        band_medium as highest
    from live
),

final as (
    select
        actions.domain,
        actions.customer_id,
        published.risk_band
    from actions
    inner join published
        on
            actions.domain = published.domain
            and actions.customer_id = published.customer_id
    inner join limits
        on
            published.domain = limits.domain
            and published.risk_band = limits.risk_band
    where
        actions.churn_probability
        >= limits.lowest - least(0.1, limits.lowest / 3, (1 - limits.lowest) / 3)
        and actions.churn_probability
        < limits.highest + least(0.1, limits.highest / 3, abs(1 - limits.highest) / 3)
)

select * from final
