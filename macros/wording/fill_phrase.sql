{#- A driver phrase with the customer's value and the usual value, both as words, filled in. Where
    both read the same, what is usual is not said twice. The arguments are SQL expressions. -#}
{% macro fill_phrase(phrase, own, usual) -%}
    {%- set said -%}
        case
            when {{ own }} = {{ usual }} then split_part({{ phrase }}, ';', 1) || ', as is usual'
            else {{ phrase }}
        end
    {%- endset -%}
    {%- set filled -%}
        replace(replace({{ said }}, '{value}', {{ own }}), '{usual}', {{ usual }})
    {%- endset -%}
    {{ wording_singular(filled) }}
{%- endmacro %}
