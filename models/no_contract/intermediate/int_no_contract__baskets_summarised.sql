{{ config(materialized='table') }}
-- One row per customer and cut-off with an order in the year before it: what was bought and not
-- returned whole before the cut-off, as exact integers: breadth and concentration over products,
-- brands and departments, and unit prices.
with

cohort as (
    select * from {{ ref('int_no_contract__cohorts_narrowed') }}
),

items as (
    select * from {{ ref('int_no_contract__purchases_assigned') }}
),

returned as (
    select
        domain,
        customer_id,
        ordered_on,
        order_id,
        returned_on
    from {{ ref('int_no_contract__orders_placed') }}
    where returned_on is not null
),

kept as (
    select
        items.*,
        returned.returned_on
    from items
    left join returned
        on
            items.domain = returned.domain
            and items.customer_id = returned.customer_id
            and items.ordered_on = returned.ordered_on
            and items.order_id = returned.order_id
),

past as (
    select
        cohort.as_of_date,
        kept.*
    from cohort
    inner join kept
        on
            cohort.domain = kept.domain
            and cohort.customer_id = kept.customer_id
            and cohort.as_of_date > kept.ordered_on
            and {{ add_days('cohort.as_of_date', -365) }} <= kept.ordered_on
            and not coalesce(cohort.as_of_date > kept.returned_on, false)
),

{% for kind, column in {
    'product': 'product_id', 'brand': 'brand', 'department': 'department'
}.items() -%}
{{ kind }}s_counted as (
    select
        domain,
        customer_id,
        as_of_date,
        count(*) as {{ kind }}s,
        {% if kind == 'product' -%}
        count(*) filter (where units > 1) as products_again
        {%- else -%}
        {{ exact_sum('units') }} as {{ kind }}_units,
        {{ exact_sum(exact_square('units'), digits=38) }} as {{ kind }}_units_squared
        {%- endif %}
    from (
        select
            domain,
            customer_id,
            as_of_date,
            {{ column }},
            cast(sum(units) as bigint) as units
        from past
        where {{ column }} is not null
        group by domain, customer_id, as_of_date, {{ column }}
    ) as {{ kind }}_units
    group by domain, customer_id, as_of_date
),

{% endfor -%}
units_counted as (
    select
        domain,
        customer_id,
        as_of_date,
        cast(sum(units) as bigint) as units,
        coalesce({{ exact_sum('units', where='price_cents is not null') }}, 0) as priced_units,
        {{ exact_sum('amount_cents') }} as price_cents,
        {{ exact_sum(exact_square('price_cents') ~ ' * units', digits=38) }}
            as price_cents_squared,
        max(price_cents) as highest_price_cents,
        min(price_cents) as lowest_price_cents,
        coalesce({{ exact_sum('units', where='is_brand_unknown') }}, 0) as brandless_units,
        coalesce({{ exact_sum('units', where='is_category_unknown') }}, 0) as categoryless_units
    from past
    group by domain, customer_id, as_of_date
),

final as (
    select *
    from units_counted
    left join products_counted using (domain, customer_id, as_of_date)
    left join brands_counted using (domain, customer_id, as_of_date)
    left join departments_counted using (domain, customer_id, as_of_date)
)

select * from final
