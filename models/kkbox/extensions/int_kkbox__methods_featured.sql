-- One row per member and cut-off: which payment method the last transaction has, and whether it is
-- in a billing outage.
{%- set methods = [41, 40, 39, 38, 37, 36, 34, 33, 31] %}
with

cohort as (
    select
        domain,
        customer_id,
        as_of_date,
        payment_method
    from {{ ref('int_subscription__cohorts_narrowed') }}
    where domain = 'kkbox'
),

outages as (
    select
        {{ dbt.cast('payment_method_id', dbt.type_string()) }} as payment_method,
        known_from,
        ended_on
    from {{ ref('kkbox_billing_outages') }}
),

featured as (
    select
        cohort.domain,
        cohort.customer_id,
        cohort.as_of_date,
        {% for method in methods -%}
        cohort.payment_method = '{{ method }}' as payment__is_method_{{ method }},
        {% endfor -%}
        -- a long list of constants would be a join
        {% for method in methods -%}
        cohort.payment_method != '{{ method }}'
        {%- if not loop.last %} and {% endif -%}
        {%- endfor %}
            as payment__is_method_other,
        outages.payment_method is not null as payment__is_method_in_outage
    from cohort
    left join outages
        on
            cohort.payment_method = outages.payment_method
            and cohort.as_of_date > outages.known_from
            and cohort.as_of_date <= outages.ended_on
)

select * from featured
