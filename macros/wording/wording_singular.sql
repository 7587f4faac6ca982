{#- "1 days" as "1 day" and "1 times" as "once", for what driver phrases count. -#}
{% macro wording_singular(sentence) -%}
    {%- set adjectives = ['more', 'fewer', 'free', 'product', 'different', 'listening'] -%}
    {%- set nouns = [
        'day', 'hour', 'minute', 'month', 'year', 'song', 'transaction', 'trial', 'lapse', 'order',
        'view', 'visit', 'product', 'department', 'brand', 'unit', 'gap'
    ] -%}
    regexp_replace(
        regexp_replace(
            {{ sentence }},
            '(^|[ (])1 ((?:(?:{{ adjectives | join('|') }}) )*(?:{{ nouns | join('|') }}))s\b',
            '\11 \2',
            'g'
        ),
        '(^|[ (])1 times\b',
        '\1once',
        'g'
    )
{%- endmacro %}
