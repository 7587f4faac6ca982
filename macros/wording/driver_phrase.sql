{#- A driver becomes a sentence in three steps, each a CTE of its own: `driver_phrase` collects what
    can be said, `driver_words` puts the numbers into words and picks the phrase, `driver_sentence`
    fills it in. The expressions that word a number are long, and real time pays for every copy of
    them; so each number is worded once, and what it is worded by is a plain column.

    This step: phrases and numbers. A phrase for negative values says a number without its sign. The
    share of those who are alike is never said to be none or all: others may differ. Expects the
    aliases `drivers` (feature, value, usual_value) and `features` (int_churn__features_described).
-#}
{% macro driver_phrase() -%}
    features.unit,
    features.currency,
    features.description,
    features.phrase,
    features.phrase_true,
    features.phrase_false,
    features.phrase_zero,
    features.phrase_negative,
    features.phrase_null,
    features.typical,
    features.typical_zero,
    features.typical_negative,
    case
        when features.phrase_negative is null then drivers.value else abs(drivers.value)
    end as said_value,
    case
        when features.typical_negative is null then drivers.usual_value
        else abs(drivers.usual_value)
    end as said_usual,
    case
        when drivers.usual_value is not null
            then least(0.999, greatest(
                0.001,
                case
                    when drivers.value = 1 then drivers.usual_value
                    else 1 - drivers.usual_value
                end
            ))
    end as said_share
{%- endmacro %}
