-- One row per domain, run and scored cut-off whose outcomes have closed: how good the scores turned
-- out to be, beside the base rate. Whom a contact may have changed says nothing of a score; who was
-- held out instead counts for them.
with

scores as (
    select
        scores.*,
        least(greatest(scores.churn_probability, 1e-9), 1 - 1e-9) as p,
        case when scores.is_churned then 1 else 0 end as churned,
        coalesce(contacted.is_contacted, false) as is_contacted,
        coalesce(contacted.weight, 1) as weight
    from {{ ref('fct_churn_scores') }} as scores
    left join {{ ref('int_churn__examples_contacted') }} as contacted
        on
            scores.domain = contacted.domain
            and scores.customer_id = contacted.customer_id
            and scores.as_of_date = contacted.as_of_date
    where scores.is_churned is not null
),

-- Stayers with a lower score, and half of those with the same, so that ties count half.
ranked as (
    select
        *,
        sum(weight * (1 - churned)) over cohort_by_risk
        - sum(weight * (1 - churned)) over ties / 2 as stayers_below,
        sum(weight) over (
            partition by run_id, as_of_date
            order by churn_probability desc, customer_id asc
            rows between unbounded preceding and current row
        ) as place,
        sum(weight) over cohort as cohort_weight
    from scores
    where not is_contacted
    window
        cohort as (partition by run_id, as_of_date),
        cohort_by_risk as (partition by run_id, as_of_date order by churn_probability),
        ties as (partition by run_id, as_of_date, churn_probability)
),

left_out as (
    select
        run_id,
        as_of_date,
        count(*) as contacted
    from scores
    where is_contacted
    group by run_id, as_of_date
),

summed as (
    select
        domain,
        run_id,
        as_of_date,
        label_definition,
        count(*) as customers,
        cast(sum(churned) as bigint) as churners,
        sum(weight) as all_weight,
        sum(weight * churned) as left_weight,
        sum(weight * p) / sum(weight) as mean_probability,
        sum(-weight * (churned * ln(p) + (1 - churned) * ln(1 - p))) / sum(weight) as log_loss,
        sum(weight * (churned - p) * (churned - p)) / sum(weight) as brier,
        sum(weight * churned * stayers_below) as pairs_in_order,
        sum(case when place <= 0.1 * cohort_weight then weight * churned end)
            as captured_in_top_decile
    from ranked
    group by all
),

final as (
    select
        summed.domain,
        summed.run_id,
        summed.as_of_date,
        summed.label_definition,
        summed.customers,
        summed.churners,
        left_weight / all_weight as churn_rate,
        summed.mean_probability,
        left_weight / nullif(all_weight * summed.mean_probability, 0) as observed_to_expected,
        summed.log_loss,
        case
            when left_weight > 0 and left_weight < all_weight
                then
                    -ln(left_weight / all_weight) * left_weight / all_weight
                    - ln(1 - left_weight / all_weight) * (1 - left_weight / all_weight)
        end as churn_rate_log_loss,
        summed.brier,
        pairs_in_order / nullif(left_weight * (all_weight - left_weight), 0) as auc,
        captured_in_top_decile / nullif(left_weight, 0) as top_decile_capture,
        coalesce(left_out.contacted, 0) as contacted
    from summed
    left join left_out
        on
            summed.run_id = left_out.run_id
            and summed.as_of_date = left_out.as_of_date
)

select * from final
