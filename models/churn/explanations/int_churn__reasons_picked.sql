-- One row per scored customer of the live runs that something puts at risk: its three strongest
-- reasons that raise the risk. An action must answer one of them, and the CRM is told them.
with

reasons as (
    select * from {{ ref('fct_churn_reasons') }}
    where direction = 'raises' and theme is not null
),

ranked as (
    select
        domain,
        customer_id,
        group_title,
        theme,
        row_number() over (
            partition by domain, customer_id
            order by rank asc
        ) as place
    from reasons
),

final as (
    select
        domain,
        customer_id,
        max(case when place = 1 then theme end) as theme_1,
        max(case when place = 2 then theme end) as theme_2,
        max(case when place = 3 then theme end) as theme_3,
        max(case when place = 1 then group_title end) as driver_group_1,
        max(case when place = 2 then group_title end) as driver_group_2,
        max(case when place = 3 then group_title end) as driver_group_3
    from ranked
    where place <= 3
    group by all
)

select * from final
