-- One row per domain and thing that may have moved since the newest cohort the live model learned
-- from, judged by what it does to the model.
with

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select
        moved.domain,
        moved.run_id,
        moved.as_of_date,
        moved.reference_as_of_date,
        moved.kind,
        moved.subject,
        moved.stability_index,
        moved.reference_value,
        moved.current_value,
        moved.effect_log_odds,
        moved.is_notable,
        moved.words
    from {{ ref('stg_churn__drift') }} as moved
    inner join live
        on
            moved.run_id = live.run_id
            and moved.as_of_date = live.as_of_date
)

select * from final
