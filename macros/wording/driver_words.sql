{#- Numbers in words: the value, what is usual, and how many have what a yes or no says. Expects the
    columns of `driver_phrase`. -#}
{% macro driver_words() -%}
    {{ format_value('said_value', 'unit', 'currency') }} as value_words,
    {{ format_value('usual_value', 'unit', 'currency') }} as usual_words,
    coalesce({{ wording_per_cent('said_share') }}, 'not known') as share_words
{%- endmacro %}
