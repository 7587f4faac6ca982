-- Catches scored customers that the plan lost, or that the CRM table lacks or has as deleted.
with

scores as (
    select * from {{ ref('fct_churn_scores') }}
    where is_live
),

actions as (
    select * from {{ ref('fct_churn_actions') }}
),

crm as (
    select * from {{ ref('crm_churn_actions') }}
    where not is_deleted
)

select
    scores.domain,
    scores.customer_id
from scores
left join actions
    on
        scores.domain = actions.domain
        and scores.customer_id = actions.customer_id
left join crm
    on
        scores.domain = crm.domain
        and scores.customer_id = crm.customer_id
where actions.customer_id is null or crm.customer_id is null
