{#- One row per customer and cut-off of a domain: the contract that ml reads. The spine, then every
    feature that the YAML describes, in its order.
    label_known_on  SQL of the first day on which the outcome of a row of `features` is observed; by
                    default that of the kind's own rule -#}
{% macro churn_examples(domain, label_known_on=none) -%}
{%- set entry = var('churn_domains')[domain] -%}
{%- set known_on = label_known_on or (
    add_days('features.due_on', 30) if entry.kind == 'subscription'
    else add_days('features.as_of_date', domain_setting(domain, 'horizon_days'))
) -%}
with

features as (
    select * from {{ ref('int_' ~ domain ~ '__features_joined') }}
    union all
    -- kept features begin; pipeline/warehouse/compiled_sql.py leaves them out
    {{ features_kept(domain) | indent(4) }}
    -- kept features end
),

labels as (
    select * from {{ ref(domain ~ '__labels') }}
    where label_definition = '{{ domain_setting(domain, 'label_definition') }}'
),

final as (
    select
        '{{ domain }}' as domain,
        features.customer_id,
        features.as_of_date,
        features.due_on,
        {{ known_on }} as label_known_on,
        labels.is_churned,
        features.customer_value,
        features.{{ feature_names(domain) | join(',\n        features.') }}
    from features
    left join labels
        on
            features.customer_id = labels.customer_id
            and features.as_of_date = labels.as_of_date
)

select * from final
{%- endmacro %}
