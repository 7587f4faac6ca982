-- One row per customer and cut-off: the browsing__ features. A covered window without a row is
-- silence, 0; a window the views or carts do not cover, or in which the cart log was broken, is
-- null.
{%- set past_days = 90 - 28 %}
with

cohort as (
    select
        domain,
        customer_id,
        as_of_date
    from {{ ref('int_no_contract__cohorts_narrowed') }}
),

visits as (
    select * from {{ ref('int_no_contract__visits_summarised') }}
),

views_covered as (
    {{ windows_filled(ref('stg_no_contract__settings'), 'visits_table', {
        'views_covered_7d': (7, 0),
        'views_covered_28d': (28, 0),
        'views_covered_90d': (90, 0),
    }) }}
),

carts_filled as (
    {{ windows_filled(ref('stg_no_contract__settings'), 'carts_table', {
        'carts_filled_28d': (28, 0),
        'carts_filled_90d': (90, 0),
    }) }}
),

-- A log that was broken means something else, from when that could be known.
carts_covered as (
    select
        carts_filled.domain,
        carts_filled.as_of_date,
        {% for days in [28, 90] -%}
        carts_filled.carts_filled_{{ days }}d
        and not coalesce(bool_or(
            changes.known_from < carts_filled.as_of_date
            and changes.ended_on > {{ add_days('carts_filled.as_of_date', -days) }}
        ), false) as carts_covered_{{ days }}d
        {%- if not loop.last %},{% endif %}
        {% endfor -%}
    from carts_filled
    left join {{ ref('stg_no_contract__log_changes') }} as changes
        on
            carts_filled.domain = changes.domain
            and changes.kind = 'cart_log_broken'
    group by
        carts_filled.domain,
        carts_filled.as_of_date,
        carts_filled.carts_filled_28d,
        carts_filled.carts_filled_90d
),

observed as (
    select *
    from cohort
    left join visits using (domain, customer_id, as_of_date)
    left join views_covered using (domain, as_of_date)
    left join carts_covered using (domain, as_of_date)
),

featured as (
    select
        domain,
        customer_id,
        as_of_date,

        -- how much
        {% for window in ['7d', '28d', '90d'] -%}
        {% for count in ['visit_days', 'views', 'viewing_sessions'] -%}
        {{ when_covered('views_covered_' ~ window, bigint_or_zero(count ~ '_' ~ window)) }}
            as browsing__{{ count }}_{{ window }},
        {% endfor -%}
        {% endfor -%}
        {{ when_covered('views_covered_90d', 'days_since_visit') }}
            as browsing__days_since_visit,
        {{ when_covered('views_covered_90d', 'coalesce(visit_days_90d, 0) = 0') }}
            as browsing__is_silent_90d,

        -- since the last order
        {% for count in ['visit_days_since_order', 'views_since_order'] -%}
        {{ when_covered('views_covered_90d', bigint_or_zero(count)) }} as browsing__{{ count }},
        {% endfor -%}

        -- what a visit looks like
        {{ when_covered('views_covered_90d', exact_ratio(
            'views_90d', 'viewing_sessions_90d'
        )) }} as browsing__views_per_session_90d,
        {{ when_covered('views_covered_28d', exact_ratio(
            'products_viewed_28d', 'viewing_sessions_28d'
        )) }} as browsing__products_per_session_28d,
        {{ when_covered('views_covered_28d', exact_ratio(
            'departments_viewed_28d', 'viewing_sessions_28d'
        )) }} as browsing__departments_per_session_28d,
        {{ when_covered('views_covered_90d', exact_ratio(
            'buying_sessions_90d', 'viewing_sessions_90d'
        )) }} as browsing__buying_share_90d,
        {{ when_covered('views_covered_90d', exact_ratio(
            'weekend_visit_days_90d', 'visit_days_90d'
        )) }} as browsing__weekend_share_90d,
        {{ when_covered('views_covered_90d', exact_ratio('evening_events_90d', 'events_90d')) }}
            as browsing__evening_share_90d,

        -- against the customer's own past, a day of it
        {{ when_covered('views_covered_90d', exact_ratio(
            'visit_days_28d * ' ~ past_days, '(visit_days_90d - visit_days_28d) * 28'
        )) }} as browsing__visit_days_to_own_past,
        {{ when_covered('views_covered_90d', exact_ratio(
            'coalesce(views_28d, 0) * ' ~ past_days, '(views_90d - coalesce(views_28d, 0)) * 28'
        )) }} as browsing__views_to_own_past,
        {{ when_covered('views_covered_90d', exact_slope(
            90, 'coalesce(visit_days_90d, 0)', 'coalesce(visit_day_times_90d, 0)'
        )) }} as browsing__visit_days_slope_90d,
        {{ when_covered('views_covered_90d', exact_slope(
            90, 'coalesce(views_90d, 0)', 'coalesce(view_times_90d, 0)'
        )) }} as browsing__views_slope_90d,

        -- carts
        {% for window in ['28d', '90d'] -%}
        {% set flag = 'carts_covered_' ~ window -%}
        {{ when_covered(flag, bigint_or_zero('carts_' ~ window)) }} as browsing__carts_{{ window }},
        {{ when_covered(flag, exact_ratio('cart_sessions_' ~ window, 'sessions_' ~ window)) }}
            as browsing__cart_share_{{ window }},
        {{ when_covered(flag, exact_ratio(
            'abandoned_sessions_' ~ window, 'cart_sessions_' ~ window
        )) }} as browsing__abandoned_share_{{ window }},
        {% endfor -%}
        {{ when_covered('carts_covered_90d', 'days_since_cart') }} as browsing__days_since_cart,
        {{ when_covered('carts_covered_90d', bigint_or_zero('carts_since_order')) }}
            as browsing__carts_since_order,
        {{ when_covered('carts_covered_90d', exact_ratio(
            'coalesce(carts_28d, 0) * ' ~ past_days, '(carts_90d - coalesce(carts_28d, 0)) * 28'
        )) }} as browsing__carts_to_own_past,
        {{ when_covered('carts_covered_90d', bigint_or_zero('removes_90d')) }}
            as browsing__removes_90d,

        -- what the log lacks
        {{ when_covered('views_covered_90d', exact_ratio(
            'categoryless_views_90d', 'views_90d'
        )) }} as browsing__category_unknown_share_90d,
        {{ when_covered('views_covered_90d', exact_ratio(
            'zero_price_events_90d', 'events_90d'
        )) }} as browsing__zero_price_share_90d,
        {{ when_covered('views_covered_90d', bigint_or_zero('sessionless_days_90d')) }}
            as browsing__sessionless_days_90d
    from observed
)

select * from featured
