{#- A driver becomes a sentence in three steps, each a CTE of its own: `driver_phrase` picks what is
    said, `driver_words` puts the numbers into words, `driver_sentence` fills them in. The
    expressions that word a number are long, and real time pays for every copy of them; so each
    number is worded once, and what it is worded by is a plain column.

    This step: phrases and numbers. Expects the aliases `drivers` (feature, value, usual_value) and
    `features` (int_churn__features_described). -#}
{% macro driver_phrase() -%}
    {%- set is_negative -%}
        features.phrase_true is null and features.phrase_negative is not null and drivers.value < 0
    {%- endset -%}
    features.unit,
    features.currency,
    features.description,
    features.phrase_null,
    features.phrase_true,
    features.phrase_false,
    case when {{ is_negative }} then features.phrase_negative else features.phrase end as phrase,
    case when {{ is_negative }} then -drivers.value else drivers.value end as said_value,
    case when drivers.value = 1 then drivers.usual_value else 1 - drivers.usual_value end
        as said_share
{%- endmacro %}
