-- One row per domain, customer and scored cut-off, in domains with a rhythm of orders: the mean of
-- the days between the customer's own order days, and when the next order follows from it. Null
-- with fewer gaps than the entry's least_gaps. Read from the features, so that it knows what they
-- know.
with

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

rhythms as (
    {%- set found = [] %}
    {%- for domain, entry in built_domains().items() if entry.get('rhythm') %}
    {%- do found.append(domain) %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    select
        domain,
        customer_id,
        as_of_date,
        cast({{ entry.rhythm.days_since_last }} as bigint) as days_since_last,
        case
            when {{ entry.rhythm.gaps }} >= {{ entry.rhythm.get('least_gaps', 2) }}
                then cast({{ entry.rhythm.days_between }} as double)
        end as days_between_orders
    from {{ ref(domain ~ '__churn_examples') }}
    {%- endfor %}
    {%- if not found %}
    select
        cast(null as varchar) as domain,
        cast(null as varchar) as customer_id,
        cast(null as date) as as_of_date,
        cast(null as bigint) as days_since_last,
        cast(null as double) as days_between_orders
    from live
    where false
    {%- endif %}
),

final as (
    select
        rhythms.domain,
        rhythms.customer_id,
        rhythms.as_of_date,
        rhythms.days_between_orders,
        {{ add_days(
            'rhythms.as_of_date',
            'cast(round(rhythms.days_between_orders) as integer) - rhythms.days_since_last'
        ) }} as expected_next_order_on
    from rhythms
    inner join live
        on
            rhythms.domain = live.domain
            and rhythms.as_of_date = live.as_of_date
)

select * from final
