-- One row per domain and number of cohorts learned from: does more history help?
with

evaluated as (
    select * from {{ ref('int_churn__evaluations_selected') }}
),

final as (
    select
        figures.domain,
        figures.run_id,
        figures.as_of_date,
        figures.cohorts,
        figures.oldest,
        figures.learned_from,
        figures.rows,
        figures.log_loss,
        figures.gain_of_all,
        figures.gain_se,
        figures.last_as_of_date,
        figures.cut_offs,
        evaluated.evaluated_at,
        evaluated.is_live_model,
        evaluated.label_definition
    from {{ ref('stg_churn__learning_curve') }} as figures
    inner join evaluated on figures.run_id = evaluated.run_id
)

select * from final
