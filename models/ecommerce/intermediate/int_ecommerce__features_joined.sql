-- One row per customer and cut-off: every feature. Nothing about outcomes is upstream of this
-- model, which is what real time, the time-travel proof and the mart all run.
with

cohort as (
    select
        customer_id,
        as_of_date,
        cast(null as date) as due_on
    from {{ ref('int_ecommerce__cohorts_selected') }}
),

joined as (
    select *
    from cohort
    inner join {{ ref('int_ecommerce__orders_featured') }} using (customer_id, as_of_date)
    inner join {{ ref('int_ecommerce__rhythms_featured') }} using (customer_id, as_of_date)
    inner join {{ ref('int_ecommerce__visits_featured') }} using (customer_id, as_of_date)
    inner join {{ ref('int_ecommerce__baskets_featured') }} using (customer_id, as_of_date)
    inner join {{ ref('int_ecommerce__calendar_featured') }} using (customer_id, as_of_date)
    inner join {{ ref('int_ecommerce__profiles_featured') }} using (customer_id, as_of_date)
    inner join {{ ref('int_ecommerce__values_estimated') }} using (customer_id, as_of_date)
),

final as (
    select
        {{ known_customer('joined.customer_id') }} as customer_id,
        joined.as_of_date,
        joined.due_on,
        joined.customer_value,
        joined.{{ feature_names('ecommerce') | join(',\n        joined.') }}
    from joined
)

select * from final
