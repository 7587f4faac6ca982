{#- One row per cut-off of a domain: whether the record of a table of its source (or table.part)
    fills each of some windows. `named` gives the window, (days, until), by the name of its
    column. -#}
{% macro windows_filled(domain, table_name, named) -%}
    select
        as_of_date,
        {%- for name, window in named.items() %}
        {%- if window not in windows(domain) %}
            {{ exceptions.raise_compiler_error(
                "macros/control/windows.sql does not have the window " ~ window
            ) }}
        {%- endif %}
        bool_or(
            window_days = {{ window[0] }} and until_days = {{ window[1] }} and is_whole
        ) as {{ name }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('control__windows') }}
    where
        domain = '{{ domain }}'
        and table_name = '{{ table_name }}'
    group by as_of_date
{%- endmacro %}
