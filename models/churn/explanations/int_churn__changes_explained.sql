-- One row per domain and customer who is scored now and was at the cut-off that was published
-- before: the group of drivers that raised the risk the most since then, where the risk fell the
-- one that lowered it the most, if the same model scored both. Each cut-off lists its eight largest
-- groups; one that is not listed is no larger than the smallest that is. So a change is known
-- exactly where both list the group, and within bounds elsewhere. A group is only named if no other
-- can have moved more. The level of the cohort, where one is forecast, is always listed.
with

scored_twice as (
    select
        *,
        -- out of risk or into it is explained by what leads there, whatever the risk itself did
        case
            when direction = 'out' then -1
            when direction in ('into', 'cancelled') then 1
            when churn_probability < previous_probability then -1
            else 1
        end as sign
    from {{ ref('int_churn__scores_compared') }}
    where previous_probability is not null and churn_probability is not null
),

runs as (
    select
        run_id,
        model_hash
    from {{ ref('stg_churn__runs') }}
),

titles as (
    select distinct
        domain,
        driver_group,
        group_title
    from {{ ref('int_churn__features_described') }}
),

compared as (
    select
        scored_twice.*,
        coalesce(runs.model_hash = previous_runs.model_hash, false) as is_same_model
    from scored_twice
    left join runs on scored_twice.run_id = runs.run_id
    left join runs as previous_runs on scored_twice.previous_run_id = previous_runs.run_id
),

reasons as (
    select
        run_id,
        as_of_date,
        domain,
        customer_id,
        driver_group,
        contribution_log_odds
    from {{ ref('stg_churn__reasons') }}
),

after as (
    select
        compared.domain,
        compared.customer_id,
        reasons.driver_group,
        compared.sign * reasons.contribution_log_odds as pull
    from compared
    inner join reasons
        on
            compared.run_id = reasons.run_id
            and compared.as_of_date = reasons.as_of_date
            and compared.domain = reasons.domain
            and compared.customer_id = reasons.customer_id
    where compared.is_same_model
),

before as (
    select
        compared.domain,
        compared.customer_id,
        reasons.driver_group,
        compared.sign * reasons.contribution_log_odds as pull
    from compared
    inner join reasons
        on
            compared.previous_run_id = reasons.run_id
            and compared.previous_as_of_date = reasons.as_of_date
            and compared.domain = reasons.domain
            and compared.customer_id = reasons.customer_id
    where compared.is_same_model
),

after_bounds as (
    select
        domain,
        customer_id,
        min(abs(case when driver_group not in ('other', 'cohort_level') then pull end)) as smallest
    from after
    group by all
),

before_bounds as (
    select
        domain,
        customer_id,
        min(abs(case when driver_group not in ('other', 'cohort_level') then pull end)) as smallest
    from before
    group by all
),

-- for who is explained at both cut-offs
bounds as (
    select
        after_bounds.domain,
        after_bounds.customer_id,
        after_bounds.smallest as smallest_after,
        before_bounds.smallest as smallest_before
    from after_bounds
    inner join before_bounds
        on
            after_bounds.domain = before_bounds.domain
            and after_bounds.customer_id = before_bounds.customer_id
),

groups as (
    select
        coalesce(after.domain, before.domain) as domain,
        coalesce(after.customer_id, before.customer_id) as customer_id,
        coalesce(after.driver_group, before.driver_group) as driver_group,
        after.pull as pull_after,
        before.pull as pull_before
    from after
    full outer join before
        on
            after.domain = before.domain
            and after.customer_id = before.customer_id
            and after.driver_group = before.driver_group
    where coalesce(after.driver_group, before.driver_group) != 'other'
),

changes as (
    select
        groups.domain,
        groups.customer_id,
        groups.driver_group,
        groups.pull_after - groups.pull_before as change,
        coalesce(groups.pull_after, -bounds.smallest_after)
        - coalesce(groups.pull_before, bounds.smallest_before) as least,
        coalesce(groups.pull_after, bounds.smallest_after)
        - coalesce(groups.pull_before, -bounds.smallest_before) as most,
        bounds.smallest_after + bounds.smallest_before as most_unlisted
    from groups
    inner join bounds
        on
            groups.domain = bounds.domain
            and groups.customer_id = bounds.customer_id
),

placed as (
    select
        *,
        row_number() over (
            partition by domain, customer_id
            order by least desc, driver_group asc
        ) as place
    from changes
),

largest as (
    select
        domain,
        customer_id,
        max(case when place = 1 then driver_group end) as driver_group,
        max(case when place = 1 then change end) as change,
        max(case when place = 1 then least end) as least,
        greatest(
            coalesce(max(case when place > 1 then most end), 0),
            max(most_unlisted)
        ) as most_of_others
    from placed
    group by all
),

final as (
    select
        compared.domain,
        compared.customer_id,
        case when largest.least >= largest.most_of_others then largest.driver_group end
            as changed_group,
        case
            when largest.least >= largest.most_of_others
                then coalesce(
                    titles.group_title,
                    case when largest.driver_group = 'cohort_level' then 'The whole cohort' end
                )
        end as changed_group_title,
        case
            when largest.least >= largest.most_of_others then compared.sign * largest.change
        end as changed_log_odds,
        case
            when not compared.is_same_model then 'model_changed'
            when largest.domain is null then 'not_on_record'
            when largest.least < largest.most_of_others then 'none_stands_out'
        end as not_explained_because
    from compared
    left join largest
        on
            compared.domain = largest.domain
            and compared.customer_id = largest.customer_id
    left join titles
        on
            largest.domain = titles.domain
            and largest.driver_group = titles.driver_group
)

select * from final
