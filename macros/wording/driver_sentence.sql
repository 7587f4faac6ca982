{#- The sentence a marketer reads of one driver: the phrase from the feature's YAML with the
    customer's value and what is usual. Expects `feature`, `value` and the columns of
    `driver_phrase` and `driver_words`. -#}
{% macro driver_sentence() -%}
    case
        when feature = 'other' then 'all other patterns together'
        when value is null then coalesce(phrase_null, description)
        when phrase_true is not null
            then
                case when value = 1 then phrase_true else phrase_false end
                || ' (' || share_words || ' of customers)'
        else {{ fill_phrase('phrase', 'value_words', 'usual_words') }}
    end
{%- endmacro %}
