{{ config(materialized='table') }}
-- One row per domain and cut-off: where the cohort's thirds of customer_value end, the lowest and
-- the middle one. Customers of equal value are in one band, so that a band can be larger than a
-- third, or empty.
with

ranked as (
    select
        domain,
        as_of_date,
        customer_value,
        row_number() over (
            partition by domain, as_of_date
            order by customer_value asc, customer_id asc
        ) as place,
        count(*) over (partition by domain, as_of_date) as customers
    from {{ ref('int_churn__examples_unioned') }}
    where customer_value is not null
),

final as (
    select
        domain,
        as_of_date,
        count(*) as customers,
        max(case when 3 * place <= customers + 2 then customer_value end) as low_until,
        max(case when 3 * place <= 2 * customers + 2 then customer_value end) as middle_until
    from ranked
    group by all
)

select * from final
