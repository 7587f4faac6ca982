{#- One row per customer and cut-off of a domain: every feature, those of its kind and those of the
    extensions that its entry names: relations with domain, customer_id, as_of_date and features of
    the domain's own. A feature of the kind goes by the domain's `words`. -#}
{% macro features_of(domain) -%}
{%- set entry = var('churn_domains')[domain] -%}
with

joined as (
    select *
    from {{ ref('int_' ~ entry.kind ~ '__features_joined') }}
    {%- for extension in entry.get('extensions', []) %}
    inner join {{ ref(extension) }} using (domain, customer_id, as_of_date)
    {%- endfor %}
    where domain = '{{ domain }}'
),

final as (
    select
        {{ known_customer('joined.customer_id') }} as customer_id,
        joined.as_of_date,
        joined.due_on,
        joined.customer_value,
        {%- for name in feature_names(domain) %}
        joined.{{ kind_name(domain, name) }}
        {%- if kind_name(domain, name) != name %} as {{ name }}{% endif %}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from joined
)

select * from final
{%- endmacro %}
