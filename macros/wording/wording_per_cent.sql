{#- A share as text, in whole per cent. -#}
{% macro wording_per_cent(share) -%}
    {{ wording_whole('100 * ' ~ share) }} || '%'
{%- endmacro %}
