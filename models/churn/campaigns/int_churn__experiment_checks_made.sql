{{ config(materialized='table') }}
-- One row per experiment of all its customers, and check: whether its arms can be compared. As many
-- are held out as were to be, over all and in each stratum (χ² of one degree of freedom is the
-- square of a normal), and the arms did not differ in what was known before. P-values of one kind
-- hold together after Holm (1979).
with

campaigns as (
    select * from {{ ref('int_churn__experiment_members_listed') }}
    where slice = 'all'
),

strata as (
    select
        experiment,
        stratum,
        count(*) as customers,
        count(case when arm = 'control' then 1 end) as controls,
        cast(max(holdout_per_mille) as double) / 1000 as holdout
    from campaigns
    group by experiment, stratum
),

-- nobody or everybody held out by intention has no ratio to check
drawn as (
    select * from strata
    where
        holdout > 0
        and holdout < 1
),

ratios as (
    select
        experiment,
        'ratio' as check_kind,
        'all' as subject,
        (sum(controls) - sum(customers * holdout))
        / sqrt(sum(customers * holdout * (1 - holdout))) as z
    from drawn
    group by experiment
    union all
    select
        experiment,
        'ratio_of_stratum' as check_kind,
        stratum as subject,
        (controls - customers * holdout) / sqrt(customers * holdout * (1 - holdout)) as z
    from drawn
    -- below five expected customers χ² is too rough
    where customers * least(holdout, 1 - holdout) >= 5
),

measures as (
    select 'risk' as subject
    union all
    select 'value' as subject
    union all
    select 'money before' as subject
),

before as (
    select
        experiments.experiment,
        followed.stratum,
        followed.arm,
        measures.subject,
        case measures.subject
            when 'risk' then followed.churn_probability
            when 'value' then followed.customer_value
            else cast(followed.revenue_before_cents as double) / 100
        end as known_before
    from {{ ref('int_churn__campaign_members_followed') }} as followed
    inner join {{ ref('int_churn__experiments_defined') }} as experiments
        on
            followed.domain = experiments.domain
            and followed.campaign_id = experiments.subject
            and experiments.kind = 'campaign'
            and experiments.slice = 'all'
    cross join measures
),

arms as (
    select
        experiment,
        subject,
        stratum,
        arm,
        cast(count(known_before) as double) as n,
        avg(known_before) as mean,
        var_samp(known_before) as variance
    from before
    group by all
),

paired as (
    select
        treated.experiment,
        treated.subject,
        treated.n * control.n / (treated.n + control.n) as w,
        treated.mean - control.mean as apart,
        treated.variance / treated.n + control.variance / control.n as error_squared
    from arms as treated
    inner join arms as control
        on
            treated.experiment = control.experiment
            and treated.subject = control.subject
            and treated.stratum = control.stratum
            and control.arm = 'control'
    where
        treated.arm = 'treat'
        and treated.n > 1
        and control.n > 1
),

balances as (
    select
        experiment,
        'balance' as check_kind,
        subject,
        -- arms without any difference between customers are equal
        coalesce(sum(w * apart) / nullif(sqrt(sum(w * w * error_squared)), 0), 0) as z
    from paired
    group by experiment, subject
),

checks as (
    select * from ratios
    union all
    select * from balances
),

ranked as (
    select
        *,
        {{ two_sided_p('z') }} as p_alone,
        row_number() over (
            partition by experiment, check_kind
            order by abs(z) desc, subject asc
        ) as place,
        count(*) over (partition by experiment, check_kind) as checks
    from checks
),

final as (
    select
        experiment,
        check_kind,
        subject,
        z,
        least(1, max(p_alone * (checks - place + 1)) over (
            partition by experiment, check_kind
            order by place asc
            rows between unbounded preceding and current row
        )) as p_value
    from ranked
)

select
    *,
    p_value >= 0.001 as is_fine
from final
