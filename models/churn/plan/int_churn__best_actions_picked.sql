-- One row per customer that may still be chosen: its unconstrained best action, the one that pays
-- best for it alone, whatever the budget and the channels; of equals the cheapest.
with

options as (
    select * from {{ ref('int_churn__plan_options_offered') }}
),

best_profits as (
    select
        customer_number,
        max(profit_cents) as profit_cents
    from options
    group by all
),

final as (
    select
        options.domain,
        options.customer_number,
        options.action_id,
        options.channel,
        options.profit_cents,
        options.spend_cents
    from options
    inner join best_profits
        on
            options.customer_number = best_profits.customer_number
            and options.profit_cents = best_profits.profit_cents
    qualify
        row_number() over (
            partition by options.customer_number
            order by options.spend_cents asc, options.action_id asc
        ) = 1
)

select * from final
