{{ config(materialized='table') }}
-- One row per customer and cut-off D as the raw data have it today: churned when no order falls in
-- [D, D + horizon_days). An order of the horizon that was fully returned within it is not one; a
-- later return changes nothing. A cohort closes whole, on D + horizon_days, and not where days are
-- missing without a reason.
with

settings as (
    select * from {{ ref('stg_no_contract__settings') }}
),

dated as (
    select
        cohort.domain,
        cohort.customer_id,
        cohort.as_of_date,
        settings.label_definition,
        {{ add_days('cohort.as_of_date', 'settings.horizon_days') }} as label_known_on
    from {{ ref('int_no_contract__cohorts_selected') }} as cohort
    inner join settings on cohort.domain = settings.domain
),

cohort as (
    {{ cohort_with_outcome('dated', 'cohort.label_known_on') }}
),

final as (
    select
        cohort.domain,
        {{ known_customer('cohort.customer_id') }} as customer_id,
        cohort.as_of_date,
        cohort.label_definition,
        cohort.label_known_on,
        case
            when
                cohort.label_known_on <= max(knowledge.known_before)
                and count(holes.day) = 0
                -- not in the join, which compares columns alone and is fast therefore
                then count(
                    case
                        when cohort.label_known_on > orders.returned_on then null
                        else orders.ordered_on
                    end
                ) = 0
        end as is_churned
    from cohort
    inner join {{ ref('control__knowledge') }} as knowledge on cohort.domain = knowledge.domain
    left join {{ ref('control__outcome_holes') }} as holes
        on
            cohort.domain = holes.domain
            and {{ is_touched('holes', 'cohort.as_of_date', 'cohort.label_known_on') }}
    left join {{ ref('int_no_contract__orders_placed') }} as orders
        on
            cohort.domain = orders.domain
            and cohort.outcome_as = orders.customer_id
            and cohort.as_of_date <= orders.ordered_on
            and cohort.label_known_on > orders.ordered_on
    group by
        cohort.domain,
        cohort.customer_id,
        cohort.as_of_date,
        cohort.label_definition,
        cohort.label_known_on
)

select * from final
