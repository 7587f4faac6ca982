-- One row per domain and feature: how much it moves the scores of the live cut-off, beside the
-- scoring before.
with

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

importances as (
    select * from {{ ref('stg_churn__feature_importances') }}
    where is_used and as_of_date is not null
),

scorings as (
    select * from {{ ref('int_churn__published_scorings_selected') }}
),

previous as (
    select
        scorings.domain,
        scorings.run_id,
        scorings.as_of_date
    from scorings
    inner join live on scorings.domain = live.domain
    where
        scorings.scored_at < live.scored_at
        and (scorings.run_id <> live.run_id or scorings.as_of_date <> live.as_of_date)
    qualify row_number() over (
        partition by scorings.domain
        order by scorings.scored_at desc, scorings.run_id desc
    ) = 1
),

ranked as (
    select
        *,
        row_number() over (
            partition by domain, run_id, as_of_date
            order by mean_abs_contribution desc, feature asc
        ) as importance_rank
    from importances
),

features as (
    select * from {{ ref('int_churn__features_described') }}
),

final as (
    select
        now.domain,
        now.run_id,
        now.as_of_date,
        now.feature,
        features.description,
        features.driver_group,
        features.group_title,
        features.is_actionable,
        now.importance_rank,
        now.mean_abs_contribution,
        -- summed in a fixed order: doubles in another one differ in their last bit
        now.mean_abs_contribution / nullif(sum(now.mean_abs_contribution) over (
            partition by now.domain
            order by now.feature
            rows between unbounded preceding and unbounded following
        ), 0) as share_of_all,
        now.mean_contribution,
        now.usual_value,
        previous.as_of_date as previous_as_of_date,
        earlier.importance_rank as previous_rank,
        earlier.mean_abs_contribution as previous_mean_abs_contribution
    from ranked as now
    inner join live
        on
            now.run_id = live.run_id
            and now.as_of_date = live.as_of_date
    inner join features
        on
            now.domain = features.domain
            and now.feature = features.feature
    left join previous on now.domain = previous.domain
    left join ranked as earlier
        on
            previous.run_id = earlier.run_id
            and previous.as_of_date = earlier.as_of_date
            and now.feature = earlier.feature
)

select * from final
