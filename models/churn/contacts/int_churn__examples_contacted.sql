{{ config(materialized='table') }}
-- One row per example of a closed cohort whose outcome a contact may have changed, or that stands
-- for such ones: the ML step learns from what these rows leave. Labels stay as they are.
-- A customer whom several periods held out counts the product of their weights.
-- A contact that no plan drew has nobody to stand for it.
-- Only contacts before the outcomes of a cohort were known count for it, so that a model that
-- learns what was known by a day reads no later contact.
with

spans as (
    select * from {{ ref('int_churn__contact_spans_derived') }}
),

arms as (
    select * from {{ ref('int_churn__arms_spanned') }}
),

examples as (
    select
        domain,
        customer_id,
        as_of_date,
        label_known_on,
        max(label_known_on) over (partition by domain, as_of_date) as cohort_known_on
    from {{ ref('int_churn__examples_unioned') }}
    where is_churned is not null
),

of_plans as (
    select
        examples.domain,
        examples.customer_id,
        examples.as_of_date,
        max(case when spans.reason = 'treated_by_plan' then 1 else 0 end) = 1 as is_treated,
        round(exp(sum(
            case when spans.reason = 'control_of_plan' then ln(spans.weight) else 0 end
        )), 9) as weight
    from spans
    inner join examples
        on
            spans.domain = examples.domain
            and spans.customer_id = examples.customer_id
            and spans.opens_on < examples.label_known_on
            and spans.closes_on > examples.as_of_date
            and spans.acts_from < examples.cohort_known_on
    where spans.reason <> 'outside_plan'
    group by examples.domain, examples.customer_id, examples.as_of_date
),

-- From the cut-off on, or from the draw of the period that the cut-off is in.
outside_plans as (
    select distinct
        examples.domain,
        examples.customer_id,
        examples.as_of_date
    from spans
    inner join examples
        on
            spans.domain = examples.domain
            and spans.customer_id = examples.customer_id
            and spans.acts_from < examples.label_known_on
    left join arms
        on
            examples.domain = arms.domain
            and examples.customer_id = arms.customer_id
            and examples.as_of_date >= arms.assigned_on
            and examples.as_of_date < arms.period_end
    where
        spans.reason = 'outside_plan'
        and spans.acts_from >= coalesce(arms.assigned_on, examples.as_of_date)
),

final as (
    select
        coalesce(of_plans.domain, outside_plans.domain) as domain,
        coalesce(of_plans.customer_id, outside_plans.customer_id) as customer_id,
        coalesce(of_plans.as_of_date, outside_plans.as_of_date) as as_of_date,
        coalesce(of_plans.is_treated, false) or outside_plans.customer_id is not null
            as is_contacted,
        case when of_plans.is_treated then 0 else coalesce(of_plans.weight, 1) end as weight,
        case
            when of_plans.is_treated then 'treated_by_plan'
            when outside_plans.customer_id is not null then 'outside_plan'
            else 'control_of_plan'
        end as reason
    from of_plans
    full outer join outside_plans
        on
            of_plans.domain = outside_plans.domain
            and of_plans.customer_id = outside_plans.customer_id
            and of_plans.as_of_date = outside_plans.as_of_date
)

select * from final
