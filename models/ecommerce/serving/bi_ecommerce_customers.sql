-- One row per customer of the scored cohort: the described features behind the score.
with

examples as (
    select * from {{ ref('ecommerce__churn_examples') }}
),

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select examples.*
    from examples
    inner join live
        on
            examples.domain = live.domain
            and examples.as_of_date = live.as_of_date
)

select * from final
