-- One row per member and cut-off: what is at stake, before margin: the last paid price per 30 days
-- times the value months of the domain. A paid plan of 0 days is priced as 30, the price it bears;
-- a member who never paid is worth the list price of the current plan.
with

cohort as (
    select * from {{ ref('int_kkbox__memberships_expiring') }}
),

history as (
    select * from {{ ref('int_kkbox__history_summarised') }}
),

priced as (
    select
        cohort.customer_id,
        cohort.as_of_date,
        coalesce(history.last_paid_amount, cohort.list_price, 0) as price,
        case
            when history.last_paid_amount is not null then history.last_paid_plan_days
            else cohort.plan_days
        end as plan_days
    from cohort
    inner join history
        on
            cohort.customer_id = history.customer_id
            and cohort.as_of_date = history.as_of_date
),

valued as (
    select
        customer_id,
        as_of_date,
        {{ exact_ratio(
            'price * 30 * ' ~ domain_setting('kkbox', 'value_months'),
            'case when plan_days > 0 then plan_days else 30 end'
        ) }} as customer_value
    from priced
)

select * from valued
