{#- The parts of a domain's segments, from its entry: a list of (segment, words, code). A cut is
    coded by its bounds, a yes or no as itself, a part of the ladder by its name. -#}
{% macro segment_parts(entry) -%}
    {%- set ladder = {} -%}
    {%- for part in entry.ladder -%}
        {%- do ladder.update({part.name: snake_case(part.name)}) -%}
    {%- endfor -%}
    {%- do ladder.setdefault('outside the derived cohort', 'outside_the_derived_cohort') -%}
    {%- set bands = {'critical': 'critical', 'high': 'high', 'medium': 'medium', 'low': 'low'} -%}
    {%- set segments = {'ladder': ladder, 'risk_band': bands} -%}
    {%- for segment, rule in entry.segments.items() -%}
        {%- set parts = {} -%}
        {%- if rule.cuts is defined -%}
            {%- for name in rule.names -%}
                {%- do parts.update({name: cut_code(rule.cuts, loop.index0)}) -%}
            {%- endfor -%}
        {%- else -%}
            {%- do parts.update({rule.yes: 'yes', rule.no: 'no'}) -%}
        {%- endif -%}
        {%- do segments.update({segment: parts}) -%}
    {%- endfor -%}
    {%- set rows = [] -%}
    {%- for segment, parts in segments.items() -%}
        {%- if segment != 'risk_band' -%}
            {%- do parts.setdefault('not known', 'unknown') -%}
        {%- endif -%}
        {%- for words, code in parts.items() -%}
            {%- do rows.append((segment, words, code)) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(rows) }}
{%- endmacro %}
