-- One row per domain and quarter: what all contacts of the plans changed, with or without a
-- campaign, by the control groups of their periods.
with

experiments as (
    select * from {{ ref('int_churn__experiments_defined') }}
    where kind = 'quarter'
),

followed as (
    select * from {{ ref('int_churn__period_arms_followed') }}
),

domains as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

summed as (
    select
        domain,
        quarter_start,
        count(distinct period_start) as periods,
        count(case when arm = 'treat' then 1 end) as treat,
        count(case when arm = 'control' then 1 end) as control,
        cast(coalesce(sum(case when arm = 'treat' then planned_spend_cents end), 0) as double) / 100
            as planned_spend
    from followed
    group by all
),

checks as (
    select
        experiment,
        min(cast(is_fine as integer)) = 1 as is_comparable
    from {{ ref('int_churn__experiment_checks_made') }}
    group by experiment
),

-- arms that cannot be compared have no effect
lifts as (
    select lifts.*
    from {{ ref('int_churn__experiment_lifts_measured') }} as lifts
    left join checks on lifts.experiment = checks.experiment
    where coalesce(checks.is_comparable, true)
),

cohorts as (
    select
        domain,
        subject,
        customers_scored
    from {{ ref('int_churn__experiment_cohorts_counted') }}
    where kind = 'quarter'
),

final as (
    select
        experiments.domain,
        summed.quarter_start,
        summed.periods,
        summed.treat as customers_treated,
        summed.control as customers_control,
        summed.planned_spend,
        case
            when not coalesce(checks.is_comparable, true) then 'not_comparable'
            when summed.control = 0 then 'no_control'
            when stayed.ci_low > 0 then 'helped'
            when stayed.ci_high < 0 then 'harmed'
            else 'not_told'
        end as verdict_code,
        stayed.effect,
        stayed.ci_low,
        stayed.ci_high,
        stayed.effect * summed.treat as customers_kept,
        revenue.effect * summed.treat as incremental_revenue,
        domains.gross_margin * revenue.effect * summed.treat - summed.planned_spend
            as incremental_profit,
        domains.gross_margin * revenue.ci_low * summed.treat - summed.planned_spend
            as incremental_profit_low,
        domains.gross_margin * revenue.ci_high * summed.treat - summed.planned_spend
            as incremental_profit_high,
        cohorts.customers_scored,
        {{ over_all_scored('summed.treat', 'cohorts.customers_scored') }} as coverage,
        {{ over_all_scored('stayed.effect * summed.treat', 'cohorts.customers_scored') }}
            as global_lift,
        {{ over_all_scored('stayed.ci_low * summed.treat', 'cohorts.customers_scored') }}
            as global_lift_low,
        {{ over_all_scored('stayed.ci_high * summed.treat', 'cohorts.customers_scored') }}
            as global_lift_high
    from experiments
    inner join summed
        on
            experiments.domain = summed.domain
            and experiments.subject = cast(summed.quarter_start as varchar)
    inner join domains on experiments.domain = domains.domain
    left join checks on experiments.experiment = checks.experiment
    left join cohorts
        on
            experiments.domain = cohorts.domain
            and experiments.subject = cohorts.subject
    left join lifts as stayed
        on
            experiments.experiment = stayed.experiment
            and stayed.outcome = 'outcome'
    left join lifts as revenue
        on
            experiments.experiment = revenue.experiment
            and revenue.outcome = 'revenue'
)

select
    final.*,
    verdicts.title as verdict
from final
left join {{ ref('codes') }} as verdicts
    on
        verdicts.kind = 'verdict'
        and final.verdict_code = verdicts.code
