-- One row per launched campaign, slice of its members and measure: what contacting them changed, as
-- assigned, or why it cannot be told.
with

followed as (
    select * from {{ ref('int_churn__campaign_members_followed') }}
),

sizes as (
    select
        domain,
        campaign_id,
        max(as_of_date) as as_of_date,
        max(closes_on) as closes_on,
        count(case when arm = 'treat' then 1 end) as treat,
        count(case when arm = 'treat' and is_delivered then 1 end) as delivered
    from followed
    group by all
),

checks as (
    select
        experiment,
        min(cast(is_fine as integer)) = 1 as is_comparable,
        -- the check that is least likely by chance
        min_by(check_kind, (p_value, check_kind, subject)) as worst_check,
        min_by(subject, (p_value, check_kind, subject)) as worst_subject
    from {{ ref('int_churn__experiment_checks_made') }}
    group by experiment
),

experiments as (
    select
        experiments.*,
        whole.experiment as experiment_of_all,
        coalesce(checks.is_comparable, true) as is_comparable,
        checks.worst_check,
        checks.worst_subject
    from {{ ref('int_churn__experiments_defined') }} as experiments
    inner join {{ ref('int_churn__experiments_defined') }} as whole
        on
            experiments.domain = whole.domain
            and experiments.subject = whole.subject
            and whole.kind = 'campaign'
            and whole.slice = 'all'
    left join checks on whole.experiment = checks.experiment
    where experiments.kind = 'campaign'
),

arms as (
    select
        experiment,
        count(case when arm = 'treat' then 1 end) as n_treat,
        count(case when arm = 'control' then 1 end) as n_control,
        count(outcome) as n_known
    from {{ ref('int_churn__experiment_members_listed') }}
    group by experiment
),

measures as (
    select 'stayed' as measure
    union all
    select 'revenue' as measure
),

lifts as (
    select
        experiment,
        case outcome when 'outcome' then 'stayed' else outcome end as measure,
        effect,
        ci_low,
        ci_high,
        method
    from {{ ref('int_churn__experiment_lifts_measured') }}
),

measured as (
    select
        experiments.domain,
        experiments.subject as campaign_id,
        experiments.slice,
        experiments.part,
        measures.measure,
        experiments.is_closed,
        experiments.is_comparable,
        experiments.worst_check,
        experiments.worst_subject,
        arms.n_treat,
        arms.n_control,
        arms.n_known,
        case when experiments.is_comparable then lifts.effect end as effect,
        case when experiments.is_comparable then lifts.ci_low end as ci_low,
        case when experiments.is_comparable then lifts.ci_high end as ci_high,
        case when experiments.is_comparable then lifts.method end as method
    from experiments
    cross join measures
    inner join arms on experiments.experiment = arms.experiment
    left join lifts
        on
            experiments.experiment = lifts.experiment
            and measures.measure = lifts.measure
),

-- parts of a slice are drawn to their mean by how little each shows (DerSimonian and Laird 1986,
-- Controlled Clinical Trials 7)
weighed as (
    select
        *,
        power((ci_high - ci_low) / (2 * 1.959963984540054), 2) as variance
    from measured
),

pooled as (
    select
        campaign_id,
        slice,
        measure,
        count(*) as parts,
        sum(effect / variance) / sum(1 / variance) as mean_effect,
        sum(effect * effect / variance)
        - power(sum(effect / variance), 2) / sum(1 / variance) as spread,
        sum(1 / variance)
        - sum(1 / (variance * variance)) / sum(1 / variance) as weight
    from weighed
    where variance > 0
    group by all
),

final as (
    select
        weighed.domain,
        weighed.campaign_id,
        sizes.as_of_date,
        weighed.slice,
        weighed.part,
        weighed.measure,
        weighed.n_treat,
        weighed.n_control,
        weighed.n_known,
        weighed.effect,
        weighed.ci_low,
        weighed.ci_high,
        weighed.method,
        case
            when pooled.parts > 1 and weighed.variance > 0
                then
                    pooled.mean_effect
                    + (weighed.effect - pooled.mean_effect)
                    * greatest(0, (pooled.spread - (pooled.parts - 1)) / nullif(pooled.weight, 0))
                    / (
                        greatest(0, (pooled.spread - (pooled.parts - 1)) / nullif(pooled.weight, 0))
                        + weighed.variance
                    )
            else weighed.effect
        end as shrunk_effect,
        -- the effect on those whom a message reached, if it has none on others
        case
            when weighed.slice = 'all' and sizes.delivered > 0
                then weighed.effect * sizes.treat / sizes.delivered
        end as effect_on_delivered,
        sizes.delivered,
        sizes.closes_on,
        case
            when not weighed.is_comparable then 'not_comparable'
            when weighed.effect is null and weighed.n_control = 0 then 'no_control'
            when not weighed.is_closed and weighed.ci_low * weighed.ci_high > 0 then 'decide_now'
            when not weighed.is_closed then 'wait'
            when weighed.ci_low > 0 then 'helped'
            when weighed.ci_high < 0 then 'harmed'
            else 'not_told'
        end as verdict,
        case when not weighed.is_comparable then weighed.worst_check end as failed_check,
        case when not weighed.is_comparable then weighed.worst_subject end as failed_subject
    from weighed
    inner join sizes on weighed.campaign_id = sizes.campaign_id
    left join pooled
        on
            weighed.campaign_id = pooled.campaign_id
            and weighed.slice = pooled.slice
            and weighed.measure = pooled.measure
)

select * from final
