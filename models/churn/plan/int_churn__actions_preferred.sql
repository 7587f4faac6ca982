-- One row per customer that an active action answers in time: the one that pays best for it alone,
-- whatever the budget and the channels; of equals the one that spends least.
with

valued as (
    select * from {{ ref('int_churn__actions_valued') }}
    where is_offered
),

hopes as (
    select * from {{ ref('int_churn__customers_hoped') }}
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
    inner join hopes
        on
            valued.customer_number = hopes.customer_number
            and valued.profit_cents = hopes.best_profit_cents
    qualify
        row_number() over (
            partition by valued.customer_number
            order by valued.spend_cents asc, valued.action_id asc
        ) = 1
)

select * from final
