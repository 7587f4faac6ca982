{#- A select of the codes that a vocabulary has: those of the seed and, where domains add their own,
    those of where they say them. Baselines, segments and protocols are those in the settings of any
    run: the live one may be older than the settings of today. -#}
{% macro known_codes(kind) -%}
    {%- set keys = {'model': 'baselines', 'segment': 'segments', 'protocol': 'protocols'} %}
    select code
    from {{ ref('codes') }}
    where kind = '{{ kind }}'
    {%- if kind in keys %}
    union
    select unnest(json_keys(settings, '$.{{ keys[kind] }}')) as code
    from {{ ref('stg_churn__runs') }}
    {%- elif kind == 'segment_value' %}
    union
    select segment_value_code as code
    from {{ ref('int_churn__segment_parts_coded') }}
    {%- elif kind == 'channel' %}
    union
    select channel as code
    from {{ ref('retention_actions') }}
    {%- elif kind in ('theme', 'driver_group') %}
    union
    select {{ kind }} as code
    from {{ ref('int_churn__features_described') }}
    {%- endif %}
{%- endmacro %}
