-- One row per member and cut-off: when the decision is due, and what is at stake before margin: the
-- last paid price per 30 days times the value months of the domain. A paid plan of 0 days is priced
-- as 30, the price it bears; a member who never paid is worth the list price of the current plan.
with

history as (
    select * from {{ ref('int_kkbox__history_summarised') }}
),

priced as (
    select
        history.customer_id,
        history.as_of_date,
        history.expires_on as due_on,
        coalesce(history.last_paid_amount, history.list_price, 0) as price,
        case
            when history.last_paid_amount is not null then history.last_paid_plan_days
            else history.plan_days
        end as plan_days
    from history
),

valued as (
    select
        customer_id,
        as_of_date,
        due_on,
        {{ exact_ratio(
            'price * 30 * ' ~ domain_setting('kkbox', 'value_months'),
            'case when plan_days > 0 then plan_days else 30 end'
        ) }} as customer_value
    from priced
)

select * from valued
