-- One row per scored customer of the live runs whose risk something lowers: the strongest reason
-- that does.
with

reasons as (
    select * from {{ ref('fct_churn_reasons') }}
    where
        direction = 'lowers'
        and not is_typical
),

final as (
    select
        domain,
        customer_id,
        sentence
    from reasons
    qualify
        row_number() over (
            partition by domain, customer_id
            order by rank asc
        ) = 1
)

select * from final
