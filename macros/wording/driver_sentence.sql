{#- The sentence a marketer reads of one driver: the phrase from the feature's YAML with the
    customer's value and, in brackets, a typical one. Expects `feature`, `value` and the columns of
    `driver_phrase` and `driver_words`. -#}
{% macro driver_sentence() -%}
    case
        when feature = 'other' then 'All other patterns together'
        when feature = 'cohort_level' then 'The whole cohort: season'
        when value is null
            then coalesce(
                phrase_null,
                'Not on record: ' || lower(substr(description, 1, 1))
                || rtrim(substr(description, 2), '.')
            )
        when phrase_true is not null
            then
                case when value = 1 then phrase_true else phrase_false end
                || coalesce(' (like ' || share_words || ' of customers)', '')
        else {{ fill_phrase() }}
    end
{%- endmacro %}
