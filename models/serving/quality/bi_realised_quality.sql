-- One row per domain, run and scored cut-off whose outcomes have closed: how good the scores turned
-- out to be, beside the base rate.
with

scores as (
    select
        *,
        least(greatest(churn_probability, 1e-9), 1 - 1e-9) as p,
        case when is_churned then 1 else 0 end as churned
    from {{ ref('fct_churn_scores') }}
    where is_churned is not null
),

-- Ties share their mean rank, so that the area under the curve counts them half.
ranked as (
    select
        *,
        rank() over cohort_by_risk + (count(*) over ties - 1) / 2.0 as mean_rank,
        row_number() over (
            partition by run_id, as_of_date
            order by churn_probability desc, customer_id asc
        ) as place,
        count(*) over cohort as cohort_rows
    from scores
    window
        cohort as (partition by run_id, as_of_date),
        cohort_by_risk as (partition by run_id, as_of_date order by churn_probability),
        ties as (partition by run_id, as_of_date, churn_probability)
),

summed as (
    select
        domain,
        run_id,
        as_of_date,
        label_definition,
        count(*) as customers,
        cast(sum(churned) as bigint) as churners,
        avg(p) as mean_probability,
        avg(-(churned * ln(p) + (1 - churned) * ln(1 - p))) as log_loss,
        avg((churned - p) * (churned - p)) as brier,
        sum(case when churned = 1 then mean_rank end) as churners_ranks,
        sum(case when place <= 0.1 * cohort_rows then churned end) as captured_in_top_decile
    from ranked
    group by all
),

final as (
    select
        domain,
        run_id,
        as_of_date,
        label_definition,
        customers,
        churners,
        churners / customers as churn_rate,
        mean_probability,
        churners / nullif(customers * mean_probability, 0) as observed_to_expected,
        log_loss,
        case
            when churners > 0 and churners < customers
                then
                    -ln(churners / customers) * churners / customers
                    - ln(1 - churners / customers) * (1 - churners / customers)
        end as churn_rate_log_loss,
        brier,
        (churners_ranks - churners * (churners + 1) / 2.0)
        / nullif(churners * (customers - churners), 0) as auc,
        captured_in_top_decile / nullif(churners, 0) as top_decile_capture
    from summed
)

select * from final
