-- One row per scored customer of the live runs: two sentences, the strongest reason that raises the
-- risk and the strongest that lowers it. What holds for most customers is none, nor is the rest.
with

reasons as (
    select * from {{ ref('fct_churn_reasons') }}
    where
        driver_group != 'other'
        and not is_typical
),

strongest as (
    select
        domain,
        customer_id,
        direction,
        sentence
    from reasons
    qualify
        row_number() over (
            partition by domain, customer_id, direction
            order by rank asc
        ) = 1
),

customers as (
    select
        domain,
        customer_id
    from {{ ref('fct_churn_scores') }}
    where is_live
),

final as (
    select
        customers.domain,
        customers.customer_id,
        coalesce(
            'The main sign of leaving: ' || raising.sentence || '.',
            'No unusual sign of leaving.'
        )
        || ' '
        || coalesce(
            'The main sign of staying: ' || lowering.sentence || '.',
            'No unusual sign of staying.'
        ) as summary
    from customers
    left join strongest as raising
        on
            customers.domain = raising.domain
            and customers.customer_id = raising.customer_id
            and raising.direction = 'raises'
    left join strongest as lowering
        on
            customers.domain = lowering.domain
            and customers.customer_id = lowering.customer_id
            and lowering.direction = 'lowers'
)

select * from final
