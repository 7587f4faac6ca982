{#- Labels of a domain: a frozen cohort is read from its file and never computed again; the others
    are as the raw data have them today.
    domain  names the source <domain>_labels with the frozen files -#}
{% macro labels_kept(domain) -%}
{%- set kind = var('churn_domains')[domain].kind -%}
{%- set columns = ['customer_id', 'as_of_date', 'label_definition']
    + (['expires_on'] if kind == 'subscription' else [])
    + ['label_known_on', 'is_churned'] -%}
with

frozen as (
    select * from {{ source(domain ~ '_labels', 'frozen_labels') }}
),

latest_version as (
    select
        label_definition,
        as_of_date,
        max(label_version) as label_version
    from frozen
    group by label_definition, as_of_date
),

kept as (
    select
        frozen.{{ columns | join(',\n        frozen.') }}
    from frozen
    inner join latest_version
        on
            frozen.label_definition = latest_version.label_definition
            and frozen.as_of_date = latest_version.as_of_date
            and frozen.label_version = latest_version.label_version
),

computed as (
    select
        derived.{{ columns | join(',\n        derived.') }}
    from {{ ref('int_' ~ kind ~ '__labels_closed') }} as derived
    left join latest_version
        on
            derived.label_definition = latest_version.label_definition
            and derived.as_of_date = latest_version.as_of_date
    where
        derived.domain = '{{ domain }}'
        and latest_version.label_version is null
),

final as (
    select * from kept
    union all
    select * from computed
)

select * from final
{%- endmacro %}
