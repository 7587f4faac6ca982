-- One row per domain and trained run: how good it was on a cohort it did not see, whether it is
-- live and why or why not.
with

runs as (
    select * from {{ ref('stg_churn__runs') }}
),

live as (
    select run_id from {{ ref('int_churn__live_runs_selected') }}
),

decisions as (
    select *
    from {{ ref('stg_churn__live_runs') }}
    qualify row_number() over (partition by domain, challenger_run_id order by decision desc) = 1
),

figures as (
    select
        run_id,
        max(case when model = 'lightgbm' and metric = 'log_loss' then value end) as test_log_loss,
        max(case when model = 'lightgbm' and metric = 'auc' then value end) as test_auc,
        max(case when model = 'base_rate' and metric = 'log_loss' then value end)
            as base_rate_log_loss
    from {{ ref('stg_churn__metrics') }}
    where split = 'test'
    group by all
),

final as (
    select
        runs.domain,
        runs.run_id,
        runs.model_hash,
        live.run_id is not null as is_live,
        decisions.rule as decision_rule,
        coalesce(decisions.words, 'never decided on') as decision,
        coalesce(decisions.words, 'never decided on') as decision_words,
        decisions.decided_at,
        decisions.judged_on,
        decisions.champion_log_loss,
        decisions.challenger_log_loss,
        runs.label_definition,
        runs.test_as_of_date,
        figures.test_log_loss,
        figures.test_auc,
        figures.base_rate_log_loss,
        runs.trained_until,
        runs.train_rows,
        runs.features,
        runs.rounds,
        runs.calibration,
        runs.trained_at,
        runs.last_test_as_of_date,
        runs.test_cut_offs
    from runs
    left join live on runs.run_id = live.run_id
    left join decisions on runs.run_id = decisions.challenger_run_id
    left join figures on runs.run_id = figures.run_id
)

select * from final
