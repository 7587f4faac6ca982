-- One row per customer that an active action answers in time: its unconstrained best action, the
-- one that pays best for it alone, whatever the budget and the channels; of equals the cheapest.
with

valued as (
    select * from {{ ref('int_churn__actions_valued') }}
    where is_offered
),

options as (
    select * from {{ ref('int_churn__customer_options_summarised') }}
),

final as (
    select
        valued.domain,
        valued.customer_number,
        valued.action_id,
        valued.channel,
        valued.profit_cents,
        valued.spend_cents
    from valued
    inner join options
        on
            valued.customer_number = options.customer_number
            and valued.profit_cents = options.best_profit_cents
    qualify
        row_number() over (
            partition by valued.customer_number
            order by valued.spend_cents asc, valued.action_id asc
        ) = 1
)

select * from final
