{#- A limit of the score interval of Wilson (1927) for a share; side is '+' or '-'. -#}
{% macro wilson_limit(share, customers, z, side) -%}
    (
        {{ share }} + {{ z }} * {{ z }} / (2 * {{ customers }})
        {{ side }} {{ z }} * sqrt(
            {{ share }} * (1 - {{ share }}) / {{ customers }}
            + {{ z }} * {{ z }} / (4 * {{ customers }} * {{ customers }})
        )
    ) / (1 + {{ z }} * {{ z }} / {{ customers }})
{%- endmacro %}
