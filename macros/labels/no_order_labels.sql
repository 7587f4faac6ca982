{#- The outcome where there is no contract: churned when no order falls in [D, D + horizon_days).
    An order of the horizon that was fully returned within it is not one; a later return changes
    nothing. The outcome is known on D + horizon_days, for the whole cohort on one day; null until
    then. Rows: customer_id, as_of_date, label_definition, label_known_on, is_churned.
    cohort      relation with customer_id, as_of_date, and outcome_as: whose orders tell the outcome
    orders      relation with customer_id, ordered_on (date) and returned_on (date, null where it
                was not fully returned), one row an order
    knowledge   relation with one known_before (date)
    holes       relation with day, unsure_from, unsure_before (dates): days that keep cohorts open
    definition  name of the label definition, its parameters included -#}
{% macro no_order_labels(cohort, orders, knowledge, holes, definition, horizon_days) -%}
    {%- set closes_on = add_days('cohort.as_of_date', horizon_days) -%}
    select
        {{ known_customer('cohort.customer_id') }} as customer_id,
        cohort.as_of_date,
        '{{ definition }}' as label_definition,
        {{ add_days('cohort.as_of_date', horizon_days) }} as label_known_on,
        case
            when
                {{ add_days('cohort.as_of_date', horizon_days) }} <= max(knowledge.known_before)
                and count(holes.day) = 0
                -- not in the join, which compares columns alone and is fast therefore
                then count(
                    case
                        when {{ add_days('cohort.as_of_date', horizon_days) }} > orders.returned_on
                            then null
                        else orders.ordered_on
                    end
                ) = 0
        end as is_churned
    from {{ cohort }} as cohort
    cross join {{ knowledge }} as knowledge
    left join {{ holes }} as holes
        on {{ is_touched('holes', 'cohort.as_of_date', closes_on) }}
    left join {{ orders }} as orders
        on
            cohort.outcome_as = orders.customer_id
            and cohort.as_of_date <= orders.ordered_on
            and {{ add_days('cohort.as_of_date', horizon_days) }} > orders.ordered_on
    group by cohort.customer_id, cohort.as_of_date
{%- endmacro %}
