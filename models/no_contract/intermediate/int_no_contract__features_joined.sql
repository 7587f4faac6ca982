-- One row per domain, customer and cut-off: every feature of the kind. Nothing about outcomes is
-- upstream of this model, which is what real time, the time-travel proof and the marts all run.
with

cohort as (
    select
        domain,
        customer_id,
        as_of_date,
        cast(null as date) as due_on
    from {{ ref('int_no_contract__cohorts_narrowed') }}
),

joined as (
    select *
    from cohort
    inner join {{ ref('int_no_contract__orders_featured') }}
        using (domain, customer_id, as_of_date)
    inner join {{ ref('int_no_contract__rhythms_featured') }}
        using (domain, customer_id, as_of_date)
    inner join {{ ref('int_no_contract__visits_featured') }}
        using (domain, customer_id, as_of_date)
    inner join {{ ref('int_no_contract__baskets_featured') }}
        using (domain, customer_id, as_of_date)
    inner join {{ ref('int_no_contract__calendar_featured') }}
        using (domain, customer_id, as_of_date)
    inner join {{ ref('int_no_contract__profiles_featured') }}
        using (domain, customer_id, as_of_date)
    inner join {{ ref('int_no_contract__values_estimated') }}
        using (domain, customer_id, as_of_date)
)

select * from joined
