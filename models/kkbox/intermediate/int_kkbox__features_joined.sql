-- One row per member and cut-off: every feature. Nothing about outcomes is upstream of this model,
-- which is what real time, the time-travel proof and the mart all run.
with

joined as (
    select *
    from {{ ref('int_kkbox__history_featured') }}
    inner join {{ ref('int_kkbox__listening_featured') }} using (customer_id, as_of_date)
    inner join {{ ref('int_kkbox__profiles_featured') }} using (customer_id, as_of_date)
),

final as (
    select
        {{ known_customer('joined.customer_id') }} as customer_id,
        joined.as_of_date,
        joined.due_on,
        joined.customer_value,
        joined.{{ feature_names('kkbox') | join(',\n        joined.') }}
    from joined
)

select * from final
