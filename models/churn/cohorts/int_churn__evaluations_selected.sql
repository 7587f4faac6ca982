-- One row per domain that was ever evaluated: the run whose recipe was evaluated last. What was
-- found stays until somebody evaluates again, also while other runs go live; whether they are of
-- the same model stands beside it.
with

live as (
    select
        domain,
        model_hash
    from {{ ref('int_churn__live_runs_selected') }}
),

runs as (
    select * from {{ ref('stg_churn__runs') }}
),

-- evaluations of earlier versions did not record their moment; it is not before the run's own
evaluated as (
    select
        domain,
        run_id,
        max(evaluated_at) as evaluated_at
    from {{ ref('stg_churn__origin_metrics') }}
    group by all
),

final as (
    select
        runs.domain,
        runs.run_id,
        evaluated.evaluated_at,
        runs.model_hash,
        runs.label_definition,
        runs.model_hash = live.model_hash as is_live_model
    from evaluated
    inner join runs on evaluated.run_id = runs.run_id
    inner join live on runs.domain = live.domain
    qualify
        row_number() over (
            partition by runs.domain
            order by
                coalesce(evaluated.evaluated_at, runs.trained_at) desc,
                runs.trained_at desc,
                runs.run_id asc
        ) = 1
)

select * from final
