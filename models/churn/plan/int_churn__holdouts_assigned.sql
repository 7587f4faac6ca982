-- One row per customer whom the plan chooses: its action, and whether it is held out of it. Within
-- band and action, by the rank of a salted hash: the lowest are held out. What a share of the group
-- leaves as a fraction is rounded up as often as the group's own hash says.
with

customers as (
    select * from {{ ref('int_churn__contact_eligibility_checked') }}
),

plans as (
    select * from {{ ref('int_churn__plans_summarised') }}
),

ranked as (
    select
        allocated.customer_number,
        allocated.action_id,
        plans.holdout_per_mille,
        row_number() over (
            partition by allocated.domain, customers.risk_band, allocated.action_id
            order by
                {{ hash_number(
                    ['plans.holdout_salt', 'customers.domain', 'customers.customer_id']
                ) }} asc,
                allocated.customer_number asc
        ) as place,
        count(*) over (
            partition by allocated.domain, customers.risk_band, allocated.action_id
        ) as customers,
        {{ hash_number(
            ['plans.holdout_salt', 'allocated.domain', 'customers.risk_band', 'allocated.action_id']
        ) }} % 1000 as fraction
    from {{ ref('int_churn__actions_allocated') }} as allocated
    inner join customers on allocated.customer_number = customers.customer_number
    inner join plans on allocated.domain = plans.domain
),

assigned as (
    select
        customer_number,
        action_id,
        1000 * place <= holdout_per_mille * customers + fraction as is_held_out
    from ranked
)

select * from assigned
