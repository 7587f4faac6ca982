-- One row per launched campaign that is still open 30 days after its launch: by how much the score
-- of those to contact changed more than the control group's, as assigned. It is an early sign and
-- not an effect: a score follows what customers do and not whether they stay. It goes once the
-- outcome is known, and there is none where the groups cannot be compared.
with

compared as (
    select * from {{ ref('int_churn__early_scores_compared') }}
),

open_campaigns as (
    select
        campaign_id,
        max(closes_on) as closes_on
    from {{ ref('int_churn__campaign_members_followed') }}
    where not is_closed
    group by campaign_id
),

checks as (
    select
        experiments.subject as campaign_id,
        min(cast(checks.is_fine as integer)) = 1 as is_fine
    from {{ ref('int_churn__experiments_defined') }} as experiments
    inner join {{ ref('int_churn__experiment_checks_made') }} as checks
        on experiments.experiment = checks.experiment
    where
        experiments.kind = 'campaign'
        and experiments.slice = 'all'
    group by experiments.subject
),

totals as (
    select
        campaign_id as experiment,
        stratum,
        arm,
        count(*) as customers,
        0 as converted,
        cast(sum(change_units) as decimal(38, 0)) as revenue_units,
        cast(sum(cast(change_units as decimal(18, 0)) * change_units) as decimal(38, 0))
            as revenue_squares
    from compared
    where change_units is not null
    group by all
),

experiments as (
    select distinct
        campaign_id as experiment,
        'control' as control_arm,
        cast(null as double) as expected,
        cast(0.05 as double) as alpha,
        cast(1.959963984540054 as double) as quantile,
        cast(1000000 as double) as units
    from compared
),

measured as (
    {{ lifts_measured('totals', 'experiments') }}
),

changes as (
    select * from measured
    where outcome = 'revenue'
),

-- who is not scored any more must not depend on the arm
arms as (
    select
        campaign_id,
        stratum,
        cast(count(case when arm = 'treat' then 1 end) as double) as n1,
        cast(count(case when arm = 'control' then 1 end) as double) as n0,
        cast(count(case when arm = 'treat' then score_after end) as double) as scored1,
        cast(count(case when arm = 'control' then score_after end) as double) as scored0
    from compared
    group by all
),

stayers as (
    select
        campaign_id,
        cast(sum(n1) as bigint) as treat,
        cast(sum(n0) as bigint) as control,
        cast(sum(scored1) as bigint) as treat_scored,
        cast(sum(scored0) as bigint) as control_scored,
        sum((scored1 * n0 - scored0 * n1) / nullif(n1 + n0, 0))
        / nullif(sqrt(sum(
            (scored1 + scored0) * (n1 + n0 - scored1 - scored0) * n1 * n0
            / nullif(power(n1 + n0, 3), 0)
        )), 0) as z
    from arms
    group by campaign_id
),

days as (
    select distinct
        campaign_id,
        domain,
        launched_on,
        early_on
    from compared
),

judged as (
    select
        days.domain,
        days.campaign_id,
        days.launched_on,
        days.early_on,
        stayers.treat,
        stayers.control,
        stayers.treat_scored,
        stayers.control_scored,
        coalesce(checks.is_fine, true)
        and {{ two_sided_p('coalesce(stayers.z, 0)') }} >= 0.001 as is_comparable,
        changes.effect,
        changes.ci_low,
        changes.ci_high
    from days
    inner join open_campaigns on days.campaign_id = open_campaigns.campaign_id
    inner join stayers on days.campaign_id = stayers.campaign_id
    left join checks on days.campaign_id = checks.campaign_id
    left join changes on days.campaign_id = changes.experiment
    -- from its planned end on there is the outcome itself
    where coalesce(days.early_on < open_campaigns.closes_on, true)
),

final as (
    select
        domain,
        campaign_id,
        launched_on,
        early_on,
        treat,
        control,
        treat_scored,
        control_scored,
        is_comparable,
        case when is_comparable then effect end as score_change,
        case when is_comparable then ci_low end as ci_low,
        case when is_comparable then ci_high end as ci_high
    from judged
)

select * from final
