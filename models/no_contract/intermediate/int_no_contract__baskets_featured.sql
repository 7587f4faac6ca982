-- One row per customer and cut-off: the basket__ features, what was bought in the year before the
-- cut-off, as far as the purchases reach.
with

cohort as (
    select
        domain,
        customer_id,
        as_of_date
    from {{ ref('int_no_contract__cohorts_narrowed') }}
),

orders as (
    select * from {{ ref('int_no_contract__orders_summarised') }}
),

baskets as (
    select * from {{ ref('int_no_contract__baskets_summarised') }}
),

cut_offs as (
    select
        domain,
        as_of_date
    from {{ ref('control__feature_cut_offs') }}
),

-- Department codes of before and after a remap do not compare.
remapped as (
    select
        cut_offs.domain,
        cut_offs.as_of_date,
        count(changes.kind) > 0 as is_remapped_365d
    from cut_offs
    left join {{ ref('stg_no_contract__log_changes') }} as changes
        on
            cut_offs.domain = changes.domain
            and changes.kind = 'categories_remapped'
            and cut_offs.as_of_date > changes.known_from
            and {{ add_days('cut_offs.as_of_date', -365) }} < changes.started_on
    group by cut_offs.domain, cut_offs.as_of_date
),

featured as (
    select
        cohort.domain,
        cohort.customer_id,
        cohort.as_of_date,

        -- size
        baskets.units as basket__units_365d,
        {{ exact_ratio('orders.units', 'orders.orders') }} as basket__units_per_order,
        cast(orders.last_units as bigint) as basket__units_on_last_day,

        -- breadth and concentration
        baskets.products as basket__products_365d,
        {{ exact_ratio('baskets.products_again', 'baskets.products') }}
            as basket__rebought_share_365d,
        baskets.brands as basket__brands_365d,
        {{ exact_ratio(
            'baskets.brand_units_squared', 'baskets.brand_units * baskets.brand_units'
        ) }} as basket__brand_concentration_365d,
        case when not remapped.is_remapped_365d then baskets.departments end
            as basket__departments_365d,
        case
            when not remapped.is_remapped_365d
                then {{ exact_ratio(
                    'baskets.department_units_squared',
                    'baskets.department_units * baskets.department_units'
                ) }}
        end as basket__department_concentration_365d,

        -- price level
        {{ exact_ratio('baskets.price_cents', '100 * baskets.priced_units') }}
            as basket__mean_price_365d,
        {{ exact_ratio('baskets.highest_price_cents', 100) }} as basket__highest_price_365d,
        {{ exact_ratio('baskets.lowest_price_cents', 100) }} as basket__lowest_price_365d,
        {{ exact_stddev(
            'baskets.priced_units', 'baskets.price_cents', 'baskets.price_cents_squared'
        ) }} / 100 as basket__price_spread_365d,

        -- what the log lacks
        {{ exact_ratio('baskets.brandless_units', 'baskets.units') }}
            as basket__brand_unknown_share_365d,
        {{ exact_ratio('baskets.categoryless_units', 'baskets.units') }}
            as basket__category_unknown_share_365d
    from cohort
    inner join orders
        on
            cohort.domain = orders.domain
            and cohort.customer_id = orders.customer_id
            and cohort.as_of_date = orders.as_of_date
    left join baskets
        on
            cohort.domain = baskets.domain
            and cohort.customer_id = baskets.customer_id
            and cohort.as_of_date = baskets.as_of_date
    left join remapped
        on
            cohort.domain = remapped.domain
            and cohort.as_of_date = remapped.as_of_date
)

select * from featured
