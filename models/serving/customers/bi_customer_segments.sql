-- One row per domain, customer of the scored cohort and way to divide it: which part they are in.
with

final as (
    select * from {{ ref('int_churn__segments_selected') }}
)

select * from final
