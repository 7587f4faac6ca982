{#- The relation that a correction reads: its shape as the correction before it leaves it, or as the
    domain fills it. Both have is_inferred and correction, the marks of rows that an earlier one
    made; the first reads int_<domain>__<shape>_marked, where every row is as the files have it. -#}
{% macro uncorrected(domain, shape, name) -%}
    {%- set before = [] -%}
    {%- for other in adopted_corrections(domain, shape) -%}
        {%- if name not in before -%}
            {%- do before.append(other) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if name in before -%}
        {%- do before.remove(name) -%}
    {%- endif -%}
    {{ return(ref('int_' ~ domain ~ '__' ~ (before[-1] if before else shape ~ '_marked'))) }}
{%- endmacro %}
