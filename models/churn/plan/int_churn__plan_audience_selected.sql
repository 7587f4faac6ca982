{{ config(materialized='table') }}
-- One row per scored customer whom the plan is for. Without a choice it is for all of them.
with

customers as (
    select * from {{ ref('int_churn__contact_eligibility_checked') }}
),

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

-- a part that is chosen stands as segment:code between bars
segments_asked as (
    select
        parts.domain,
        count(distinct parts.segment) as segments
    from {{ ref('int_churn__segment_parts_coded') }} as parts
    inner join plans
        on
            parts.domain = plans.domain
            and position(
                '|' || parts.segment || ':' || parts.segment_value_code || '|' in plans.parts
            ) > 0
    group by all
),

-- a customer is in one part of every segment
segments_met as (
    select
        parts.domain,
        parts.customer_id,
        count(*) as segments
    from {{ ref('int_churn__segments_selected') }} as parts
    inner join plans
        on
            parts.domain = plans.domain
            and position(
                '|' || parts.segment || ':' || parts.segment_value_code || '|' in plans.parts
            ) > 0
    group by all
),

final as (
    select
        customers.domain,
        customers.customer_number
    from customers
    inner join plans on customers.domain = plans.domain
    left join segments_asked on customers.domain = segments_asked.domain
    left join segments_met
        on
            customers.domain = segments_met.domain
            and customers.customer_id = segments_met.customer_id
    where
        (
            plans.bands is null
            or position('|' || customers.risk_band || '|' in plans.bands) > 0
        )
        and (
            plans.themes is null
            or coalesce(position('|' || customers.theme_1 || '|' in plans.themes) > 0, false)
            or coalesce(position('|' || customers.theme_2 || '|' in plans.themes) > 0, false)
            or coalesce(position('|' || customers.theme_3 || '|' in plans.themes) > 0, false)
        )
        and (
            plans.parts is null
            or coalesce(segments_met.segments = segments_asked.segments, false)
        )
        and (plans.min_probability is null or customers.churn_probability >= plans.min_probability)
        and (plans.max_probability is null or customers.churn_probability <= plans.max_probability)
        and (plans.min_value is null or customers.customer_value >= plans.min_value)
        and (plans.due_from is null or customers.due_on >= plans.due_from)
        and (plans.due_to is null or customers.due_on <= plans.due_to)
        and (plans.is_at_risk is null or customers.is_at_risk = plans.is_at_risk)
        and (
            plans.already_cancelled is null
            or coalesce(customers.already_cancelled, false) = plans.already_cancelled
        )
)

select * from final
