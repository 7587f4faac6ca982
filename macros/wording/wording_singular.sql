{#- "1 days" as "1 day", for the nouns that driver phrases count. -#}
{% macro wording_singular(sentence) -%}
    {{ return(adapter.dispatch('wording_singular')(sentence)) }}
{%- endmacro %}

{% macro duckdb__wording_singular(sentence) -%}
    regexp_replace(
        {{ sentence }},
        '(^| )1 (day|time|hour|minute|month|song|transaction|trial|lapse|change|renewal|order|view'
        || '|session|product|department|brand|unit|pause)s\b',
        '\11 \2',
        'g'
    )
{%- endmacro %}
