-- One row per domain, customer and published cut-off: risk, value, segment and plan as they were
-- published then, and as they are now for the cut-off that is scored. A cut-off that is published
-- again counts as it was published last.
with

scored as (
    select
        domain,
        customer_id,
        as_of_date,
        {{ history_columns() | join(',\n        ') }},
        true as is_on_record
    from {{ ref('bi_customer_360') }}
),

final as (
    select * from scored
    union all
    select * from {{ ref('int_churn__publications_unioned') }}
)

select * from final
