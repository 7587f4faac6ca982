-- One row per domain and customer who is scored now or was at the cut-off that was published
-- before: both scores, and where the place changed how: into risk or out of it, cancelled, new on
-- the list or gone from it. Without an earlier publish there is nobody to compare.
with

live as (
    select
        domain,
        run_id,
        as_of_date
    from {{ ref('int_churn__live_runs_selected') }}
),

publications as (
    select * from {{ ref('int_churn__publications_unioned') }}
),

previous_days as (
    select
        publications.domain,
        max(publications.as_of_date) as as_of_date
    from publications
    inner join live
        on
            publications.domain = live.domain
            and publications.as_of_date < live.as_of_date
    group by all
),

previous as (
    select publications.*
    from publications
    inner join previous_days
        on
            publications.domain = previous_days.domain
            and publications.as_of_date = previous_days.as_of_date
),

scored as (
    select scores.*
    from {{ ref('fct_churn_scores') }} as scores
    inner join previous_days on scores.domain = previous_days.domain
    where scores.is_live
),

paired as (
    select
        coalesce(scored.domain, previous.domain) as domain,
        coalesce(scored.customer_id, previous.customer_id) as customer_id,
        previous.customer_id is not null as was_listed,
        scored.customer_id is not null as is_listed,
        coalesce(previous.is_at_risk, false) as was_at_risk,
        coalesce(scored.is_at_risk, false) as is_at_risk,
        scored.already_cancelled,
        previous.churn_probability as previous_probability,
        previous.risk_band as previous_risk_band,
        previous.value_at_risk as previous_value_at_risk,
        previous.run_id as previous_run_id,
        scored.churn_probability,
        scored.risk_band,
        coalesce(scored.due_on, previous.due_on) as due_on,
        scored.churn_probability * scored.leaving_cost as value_at_risk
    from scored
    full outer join previous
        on
            scored.domain = previous.domain
            and scored.customer_id = previous.customer_id
),

directed as (
    select
        *,
        case
            when not was_listed then 'new'
            when not is_listed then 'left_list'
            when was_at_risk and not is_at_risk and coalesce(already_cancelled, false)
                then 'cancelled'
            when was_at_risk and not is_at_risk then 'out'
            when is_at_risk and not was_at_risk then 'into'
        end as direction
    from paired
),

final as (
    select
        directed.domain,
        directed.customer_id,
        live.as_of_date,
        previous_days.as_of_date as previous_as_of_date,
        directed.direction,
        directed.previous_probability,
        directed.previous_risk_band,
        directed.was_at_risk,
        directed.churn_probability,
        directed.risk_band,
        directed.is_at_risk,
        directed.already_cancelled,
        directed.due_on,
        case
            when directed.is_listed then directed.value_at_risk
            else directed.previous_value_at_risk
        end as value_at_risk,
        live.run_id,
        directed.previous_run_id
    from directed
    inner join live on directed.domain = live.domain
    inner join previous_days on directed.domain = previous_days.domain
)

select * from final
