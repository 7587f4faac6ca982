{#- A driver phrase with its numbers filled in: "Last ordered 41 days ago (typical: 27)". A phrase
    that begins with its number begins with a capital, and with "No" for 0. Where both numbers read
    the same it says "(typical)"; a phrase that ends in a bracket has a comparison of its own.
    Expects the columns of `driver_words`. -#}
{% macro fill_phrase() -%}
    {%- set statement -%}
        case
            when said_phrase like '{value}%'
                then
                    case
                        when value_words = '0' then 'No'
                        else upper(substr(value_words, 1, 1)) || substr(value_words, 2)
                    end
                    || substr(said_phrase, length('{value}') + 1)
            else replace(said_phrase, '{value}', value_words)
        end
    {%- endset -%}
    {%- set comparison -%}
        case
            when usual_value is null or said_typical is null or said_phrase like '%)' then ''
            when value_words = usual_words and is_same_side then ' (typical)'
            else ' (typical: ' || replace(said_typical, '{usual}', usual_words) || ')'
        end
    {%- endset -%}
    {{ wording_singular(statement ~ ' || ' ~ comparison) }}
{%- endmacro %}
