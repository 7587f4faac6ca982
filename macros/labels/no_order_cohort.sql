{#- Who is in the cohort of each cut-off where there is no contract: at least min_orders orders in
    [D - memory_days, D), and one of them in [D - lookback_days, D). An order that was fully
    returned before D is not one. Rows: customer_id, as_of_date.
    orders      relation with customer_id, ordered_on (date) and returned_on (date, null where it
                was not fully returned), one row an order
    cut_offs    relation with as_of_date
    memory_days what is older is forgotten, so that a new cut-off reads a bounded past -#}
{% macro no_order_cohort(orders, cut_offs, min_orders, lookback_days, memory_days=730) -%}
    select
        orders.customer_id,
        cut_offs.as_of_date
    from {{ cut_offs }} as cut_offs
    inner join {{ orders }} as orders
        on
            cut_offs.as_of_date > orders.ordered_on
            and {{ add_days('cut_offs.as_of_date', -memory_days) }} <= orders.ordered_on
            and not coalesce(cut_offs.as_of_date > orders.returned_on, false)
    group by all
    having
        count(*) >= {{ min_orders }}
        and max(orders.ordered_on) >= {{ add_days('cut_offs.as_of_date', -lookback_days) }}
{%- endmacro %}
