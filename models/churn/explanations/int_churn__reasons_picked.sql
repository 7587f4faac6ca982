-- One row per scored customer of the live runs that something puts at risk: its three strongest
-- reasons that raise the risk, of which an action must answer one; and which of them are more than
-- weak, for the CRM. That is a set, in the order of the alphabet: which of two is the stronger
-- changes from night to night and means nothing to a marketer. What is typical is no reason.
with

reasons as (
    select * from {{ ref('fct_churn_reasons') }}
    where
        direction = 'raises'
        and theme is not null
        and not is_typical
),

ranked as (
    select
        domain,
        customer_id,
        group_title,
        theme,
        strength != 'weak' as is_strong,
        row_number() over (
            partition by domain, customer_id
            order by rank asc
        ) as place
    from reasons
),

lettered as (
    select
        *,
        row_number() over (
            partition by domain, customer_id, is_strong
            order by group_title asc
        ) as letter
    from ranked
    where place <= 3
),

final as (
    select
        domain,
        customer_id,
        max(case when place = 1 then theme end) as theme_1,
        max(case when place = 2 then theme end) as theme_2,
        max(case when place = 3 then theme end) as theme_3,
        max(case when is_strong and letter = 1 then group_title end) as driver_group_1,
        max(case when is_strong and letter = 2 then group_title end) as driver_group_2,
        max(case when is_strong and letter = 3 then group_title end) as driver_group_3
    from lettered
    group by all
)

select * from final
