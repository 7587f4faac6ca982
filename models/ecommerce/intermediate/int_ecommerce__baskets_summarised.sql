{{ config(materialized='table') }}
-- One row per customer and cut-off with an order in the year before it: what was bought, as exact
-- integers: breadth and concentration over products, brands and departments, and unit prices.
with

cohort as (
    select * from {{ ref('int_ecommerce__cohorts_selected') }}
),

cut_offs as (
    select as_of_date from {{ ref('control__cut_offs') }}
    where domain = 'ecommerce'
),

days_in_reach as (
    {{ number_series(1, 365, 'days_before') }}
),

days as (
    select distinct {{ add_days('cut_offs.as_of_date', '-days_in_reach.days_before') }} as day
    from cut_offs
    cross join days_in_reach
),

items as (
    select * from {{ ref('stg_ecommerce__events') }}
    where
        event_type = 'purchase'
        and happened_on in (select days.day from days)
        and customer_id in (select cohort.customer_id from cohort)
),

past as (
    select
        cohort.as_of_date,
        items.*
    from cohort
    inner join items
        on
            cohort.customer_id = items.customer_id
            and cohort.as_of_date > items.happened_on
            and {{ add_days('cohort.as_of_date', -365) }} <= items.happened_on
),

{% for kind, column in {
    'product': 'product_id', 'brand': 'brand', 'department': 'department'
}.items() -%}
{{ kind }}s_counted as (
    select
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
            customer_id,
            as_of_date,
            {{ column }},
            count(*) as units
        from past
        where {{ column }} is not null
        group by all
    ) as {{ kind }}_units
    group by all
),

{% endfor -%}
units_counted as (
    select
        customer_id,
        as_of_date,
        count(*) as units,
        count(price_cents) as priced_units,
        {{ exact_sum('price_cents') }} as price_cents,
        {{ exact_sum(exact_square('price_cents'), digits=38) }} as price_cents_squared,
        max(price_cents) as highest_price_cents,
        min(price_cents) as lowest_price_cents,
        count(*) filter (where is_brand_unknown) as brandless_units,
        count(*) filter (where is_category_unknown) as categoryless_units
    from past
    group by all
),

final as (
    select *
    from units_counted
    left join products_counted using (customer_id, as_of_date)
    left join brands_counted using (customer_id, as_of_date)
    left join departments_counted using (customer_id, as_of_date)
)

select * from final
