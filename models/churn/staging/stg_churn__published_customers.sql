-- One row per domain, published cut-off and customer: what was said of them then.
with

source as (
    select * from {{ source('history', 'published_customers') }}
),

renamed as (
    select
        domain,
        customer_id,
        as_of_date,
        due_on,
        churn_probability,
        risk_band,
        is_at_risk,
        customer_value,
        leaving_cost,
        value_at_risk,
        ladder_part,
        ladder_part_code,
        decision,
        planned_action,
        expected_profit,
        arm,
        is_held_out,
        is_suppressed,
        label_definition,
        run_id,
        generation,
        published_at
    from source
)

select * from renamed
