-- One row per domain, lead, population, model and metric: what earliness costs.
with

evaluated as (
    select * from {{ ref('int_churn__evaluations_selected') }}
),

final as (
    select
        figures.domain,
        figures.run_id,
        figures.as_of_date,
        figures.lead_days,
        figures.known_at,
        figures.population,
        case figures.population
            when 'as known then' then 'as_of_lead'
            when 'known at every lead' then 'in_every_lead'
        end as population_code,
        figures.model,
        figures.metric,
        figures.value,
        figures.ci_low,
        figures.ci_high,
        figures.rows,
        evaluated.evaluated_at,
        evaluated.is_live_model,
        evaluated.label_definition
    from {{ ref('stg_churn__lead_metrics') }} as figures
    inner join evaluated on figures.run_id = evaluated.run_id
)

select * from final
