{#- Chance of a standard normal at least so far from 0, to 2e-7: the polynomial of Abramowitz and
    Stegun 26.2.17. -#}
{% macro two_sided_p(z) -%}
    {%- set t = '(1 / (1 + 0.2316419 * abs(' ~ z ~ ')))' -%}
    (
        2 * exp(-{{ z }} * {{ z }} / 2) / sqrt(2 * pi()) * {{ t }} * (
            0.319381530 + {{ t }} * (
                -0.356563782 + {{ t }} * (
                    1.781477937 + {{ t }} * (-1.821255978 + {{ t }} * 1.330274429)
                )
            )
        )
    )
{%- endmacro %}
