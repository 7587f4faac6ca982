{#- The code of a part of a segment that cuts a number, by its place from 0: below_90, 90_to_365
    (without 365), from_365. Names of parts may change, codes follow the cuts. -#}
{% macro cut_code(cuts, place) -%}
    {%- set bounds = [] -%}
    {%- for cut in cuts -%}
        {%- set whole = cut | int if cut == cut | int else cut -%}
        {%- do bounds.append(
            (whole | string).replace('-', 'minus_').replace('.', '_')
        ) -%}
    {%- endfor -%}
    {%- if place == 0 -%}
        {{ return('below_' ~ bounds[0]) }}
    {%- elif place == bounds | length -%}
        {{ return('from_' ~ bounds[-1]) }}
    {%- endif -%}
    {{ return(bounds[place - 1] ~ '_to_' ~ bounds[place]) }}
{%- endmacro %}
