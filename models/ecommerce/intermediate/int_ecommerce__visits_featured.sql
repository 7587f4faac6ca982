-- One row per customer and cut-off: the browsing__ features. A covered window without a row is
-- silence, 0; a window the views or carts do not cover, or in which the cart log was broken, is
-- null.
{%- set windows = [7, 28, 90] %}
with

cohort as (
    select
        customer_id,
        as_of_date
    from {{ ref('int_ecommerce__customers_eligible') }}
),

visits as (
    select * from {{ ref('int_ecommerce__visits_summarised') }}
),

views_covered as (
    select
        as_of_date,
        {% for window in windows -%}
        {{ is_covered('ecommerce', 'coverage', 'as_of_date', window) }} as is_covered_{{ window }}d
        {%- if not loop.last %},{% endif %}
        {% endfor -%}
    from {{ ref('control__coverage') }} as coverage
    where
        domain = 'ecommerce'
        and table_name = '{{ domain_setting('ecommerce', 'covered_by').visits }}'
),

carts_covered as (
    select
        coverage.as_of_date,
        {% for window in [28, 90] -%}
        {{ is_covered('ecommerce', 'coverage', 'coverage.as_of_date', window) }}
        and not coalesce(bool_or(
            changes.started_on < coverage.as_of_date
            and changes.ended_on > {{ add_days('coverage.as_of_date', -window) }}
        ), false) as is_covered_{{ window }}d
        {%- if not loop.last %},{% endif %}
        {% endfor -%}
    from {{ ref('control__coverage') }} as coverage
    left join {{ ref('ecommerce_log_changes') }} as changes on changes.kind = 'cart_log_broken'
    where
        coverage.domain = 'ecommerce'
        and coverage.table_name = '{{ domain_setting('ecommerce', 'covered_by').carts }}'
    group by coverage.as_of_date, coverage.covered_from, coverage.covered_before
),

featured as (
    select
        cohort.customer_id,
        cohort.as_of_date,

        -- how much
        {% for window in windows -%}
        {% for count in ['visit_days', 'views', 'viewing_sessions'] -%}
        case
            when views_covered.is_covered_{{ window }}d
                then cast(coalesce(visits.{{ count }}_{{ window }}d, 0) as bigint)
        end as browsing__{{ count }}_{{ window }}d,
        {% endfor -%}
        {% endfor -%}
        case when views_covered.is_covered_90d then visits.days_since_visit end
            as browsing__days_since_visit,
        case
            when views_covered.is_covered_90d then coalesce(visits.visit_days_90d, 0) = 0
        end as browsing__is_silent_90d,

        -- since the last order
        {% for count in ['visit_days', 'views'] -%}
        case
            when views_covered.is_covered_90d
                then cast(coalesce(visits.{{ count }}_since_order, 0) as bigint)
        end as browsing__{{ count }}_since_order,
        {% endfor -%}

        -- what a visit looks like
        case
            when views_covered.is_covered_90d
                then {{ exact_ratio('visits.views_90d', 'visits.viewing_sessions_90d') }}
        end as browsing__views_per_session_90d,
        case
            when views_covered.is_covered_28d
                then {{ exact_ratio('visits.products_viewed_28d', 'visits.viewing_sessions_28d') }}
        end as browsing__products_per_session_28d,
        case
            when views_covered.is_covered_28d
                then {{ exact_ratio(
                    'visits.departments_viewed_28d', 'visits.viewing_sessions_28d'
                ) }}
        end as browsing__departments_per_session_28d,
        case
            when views_covered.is_covered_90d
                then {{ exact_ratio('visits.buying_sessions_90d', 'visits.viewing_sessions_90d') }}
        end as browsing__buying_share_90d,
        case
            when views_covered.is_covered_90d
                then {{ exact_ratio('visits.weekend_visit_days_90d', 'visits.visit_days_90d') }}
        end as browsing__weekend_share_90d,
        case
            when views_covered.is_covered_90d
                then {{ exact_ratio('visits.evening_events_90d', 'visits.events_90d') }}
        end as browsing__evening_share_90d,

        -- against the customer's own past
        case
            when views_covered.is_covered_90d
                then {{ exact_ratio(
                    'visits.visit_days_28d * 62',
                    '(visits.visit_days_90d - visits.visit_days_28d) * 28'
                ) }}
        end as browsing__visit_days_to_own_past,
        case
            when views_covered.is_covered_90d
                then {{ exact_ratio(
                    'coalesce(visits.views_28d, 0) * 62',
                    '(visits.views_90d - coalesce(visits.views_28d, 0)) * 28'
                ) }}
        end as browsing__views_to_own_past,
        case
            when views_covered.is_covered_90d
                then {{ exact_slope(
                    90,
                    'coalesce(visits.visit_days_90d, 0)',
                    'coalesce(visits.visit_day_times_90d, 0)'
                ) }}
        end as browsing__visit_days_slope_90d,
        case
            when views_covered.is_covered_90d
                then {{ exact_slope(
                    90, 'coalesce(visits.views_90d, 0)', 'coalesce(visits.view_times_90d, 0)'
                ) }}
        end as browsing__views_slope_90d,

        -- carts
        {% for window in [28, 90] -%}
        case
            when carts_covered.is_covered_{{ window }}d
                then cast(coalesce(visits.carts_{{ window }}d, 0) as bigint)
        end as browsing__carts_{{ window }}d,
        case
            when carts_covered.is_covered_{{ window }}d
                then {{ exact_ratio(
                    'visits.cart_sessions_' ~ window ~ 'd', 'visits.sessions_' ~ window ~ 'd'
                ) }}
        end as browsing__cart_share_{{ window }}d,
        case
            when carts_covered.is_covered_{{ window }}d
                then {{ exact_ratio(
                    'visits.abandoned_sessions_' ~ window ~ 'd',
                    'visits.cart_sessions_' ~ window ~ 'd'
                ) }}
        end as browsing__abandoned_share_{{ window }}d,
        {% endfor -%}
        case when carts_covered.is_covered_90d then visits.days_since_cart end
            as browsing__days_since_cart,
        case
            when carts_covered.is_covered_90d
                then cast(coalesce(visits.carts_since_order, 0) as bigint)
        end as browsing__carts_since_order,
        case
            when carts_covered.is_covered_90d
                then {{ exact_ratio(
                    'coalesce(visits.carts_28d, 0) * 62',
                    '(visits.carts_90d - coalesce(visits.carts_28d, 0)) * 28'
                ) }}
        end as browsing__carts_to_own_past,
        case
            when carts_covered.is_covered_90d
                then cast(coalesce(visits.removes_90d, 0) as bigint)
        end as browsing__removes_90d,

        -- what the log lacks
        case
            when views_covered.is_covered_90d
                then {{ exact_ratio('visits.categoryless_views_90d', 'visits.views_90d') }}
        end as browsing__category_unknown_share_90d,
        case
            when views_covered.is_covered_90d
                then {{ exact_ratio('visits.zero_price_events_90d', 'visits.events_90d') }}
        end as browsing__zero_price_share_90d,
        case
            when views_covered.is_covered_90d
                then cast(coalesce(visits.sessionless_days_90d, 0) as bigint)
        end as browsing__sessionless_days_90d
    from cohort
    left join visits
        on
            cohort.customer_id = visits.customer_id
            and cohort.as_of_date = visits.as_of_date
    left join views_covered on cohort.as_of_date = views_covered.as_of_date
    left join carts_covered on cohort.as_of_date = carts_covered.as_of_date
)

select * from featured
