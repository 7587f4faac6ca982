-- Catches drivers that explain another number than the score: base + drivers must be the margin to
-- 1e-5 for every scored customer, feature by feature and reason by reason.
with

summed as (
    select
        domain,
        customer_id,
        sum(contribution_log_odds) as contributions
    from {{ ref('fct_churn_drivers') }}
    group by all
),

grouped as (
    select
        domain,
        customer_id,
        sum(contribution_log_odds) as contributions
    from {{ ref('fct_churn_reasons') }}
    group by all
)

select
    scores.domain,
    scores.customer_id,
    scores.margin,
    domains.base_log_odds + summed.contributions as explained
from {{ ref('fct_churn_scores') }} as scores
inner join {{ ref('bi_domains') }} as domains on scores.domain = domains.domain
left join summed
    on
        scores.domain = summed.domain
        and scores.customer_id = summed.customer_id
left join grouped
    on
        scores.domain = grouped.domain
        and scores.customer_id = grouped.customer_id
where
    scores.is_live
    and (
        coalesce(abs(scores.margin - domains.base_log_odds - summed.contributions), 1) > 1e-5
        or coalesce(abs(scores.margin - domains.base_log_odds - grouped.contributions), 1) > 1e-5
    )
