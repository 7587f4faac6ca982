-- One row per member and cohort with a label that came with the files.
with

february as (
    select
        msno as customer_id,
        date '2017-02-01' as as_of_date,
        is_churn = 1 as is_churned
    from {{ source('kkbox', 'train') }}
),

march as (
    select
        msno as customer_id,
        date '2017-03-01' as as_of_date,
        is_churn = 1 as is_churned
    from {{ source('kkbox', 'train_v2') }}
),

unioned as (
    select * from february
    union all
    select * from march
),

deduplicated as (
    select
        customer_id,
        as_of_date,
        bool_or(is_churned) as is_churned
    from unioned
    group by customer_id, as_of_date
)

select * from deduplicated
