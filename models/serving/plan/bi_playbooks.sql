-- One row per domain, playbook and part of its members, all or a risk band: of 100 who would leave,
-- how many its campaigns kept. Over campaigns and strata with one save rate: the risk ratio of
-- Mantel and Haenszel (1959), its interval by the variance of Greenland and Robins (1985).
with

uses as (
    select * from {{ ref('stg_churn__playbook_campaigns') }}
),

-- only where every outcome is known and the arms can be compared
comparable as (
    select
        domain,
        campaign_id
    from {{ ref('fct_campaign_lift') }}
    where
        slice = 'all'
        and measure = 'stayed'
        and verdict in ('helped', 'harmed', 'not_told')
),

arms as (
    select
        uses.domain,
        uses.playbook_id,
        uses.playbook_name,
        uses.campaign_id,
        experiments.part as risk_band,
        totals.stratum,
        cast(sum(case when totals.arm = 'treat' then totals.customers end) as double) as n1,
        cast(sum(case when totals.arm = 'control' then totals.customers end) as double) as n0,
        cast(sum(
            case when totals.arm = 'treat' then totals.customers - totals.converted end
        ) as double) as left1,
        cast(sum(
            case when totals.arm = 'control' then totals.customers - totals.converted end
        ) as double) as left0
    from uses
    inner join comparable
        on
            uses.domain = comparable.domain
            and uses.campaign_id = comparable.campaign_id
    inner join {{ ref('int_churn__experiments_defined') }} as experiments
        on
            uses.domain = experiments.domain
            and uses.campaign_id = experiments.subject
            and experiments.kind = 'campaign'
            and experiments.slice in ('all', 'risk_band')
    inner join {{ ref('int_churn__experiment_arms_totalled') }} as totals
        on experiments.experiment = totals.experiment
    group by all
),

summed as (
    select
        domain,
        playbook_id,
        playbook_name,
        risk_band,
        count(distinct campaign_id) as campaigns,
        cast(sum(coalesce(n1, 0)) as bigint) as customers_treated,
        cast(sum(coalesce(n0, 0)) as bigint) as customers_control,
        sum(left1 * n0 / (n1 + n0)) as treated_risk,
        sum(left0 * n1 / (n1 + n0)) as control_risk,
        sum((n1 * n0 * (left1 + left0) - left1 * left0 * (n1 + n0)) / power(n1 + n0, 2)) as spread
    from arms
    group by domain, playbook_id, playbook_name, risk_band
),

measured as (
    select
        *,
        treated_risk / nullif(control_risk, 0) as risk_ratio,
        sqrt(spread / nullif(treated_risk * control_risk, 0)) as log_error
    from summed
),

final as (
    select
        domain,
        playbook_id,
        playbook_name,
        risk_band,
        campaigns,
        customers_treated,
        customers_control,
        1 - risk_ratio as save_rate,
        1 - risk_ratio * exp(1.959963984540054 * log_error) as ci_low,
        1 - risk_ratio * exp(-1.959963984540054 * log_error) as ci_high
    from measured
)

select * from final
