{#- Numbers in words, and the phrases they go into. Expects `value`, `usual_value` and the columns
    of `driver_phrase`. -#}
{% macro driver_words() -%}
    {{ format_value('said_value', 'unit', 'currency') }} as value_words,
    {{ format_value('said_usual', 'unit', 'currency') }} as usual_words,
    {{ wording_per_cent('said_share') }} as share_words,
    {{ wording_by_sign('value', 'phrase') }} as said_phrase,
    {{ wording_by_sign('usual_value', 'typical') }} as said_typical,
    phrase_negative is null or (value < 0) = (usual_value < 0) as is_same_side
{%- endmacro %}
