{#- One row per domain and cut-off of a kind: whether the record of one of its tables fills each of
    some windows.
    settings  relation with the kind's settings
    table_of  its column that names the table of the source (or table.part)
    named     the window, (days, until), by the name of its column; days of the setting horizon_days
              as the text 'horizon' -#}
{% macro windows_filled(settings, table_of, named) -%}
    select
        windows.domain,
        windows.as_of_date,
        {%- for name, (days, until) in named.items() %}
        {%- if until != 'horizon' and (days, until) not in windows() %}
            {{ exceptions.raise_compiler_error(
                "macros/control/windows.sql does not have the window " ~ (days, until)
            ) }}
        {%- endif %}
        bool_or(
            windows.window_days = {{ days }}
            and windows.until_days
            = {{ '365 - entries.horizon_days' if until == 'horizon' else until }}
            and windows.is_whole
        ) as {{ name }}
        {%- if not loop.last %},{% endif %}
        {%- endfor %}
    from {{ ref('control__windows') }} as windows
    inner join {{ settings }} as entries
        on
            windows.domain = entries.domain
            and windows.table_name = entries.{{ table_of }}
    group by windows.domain, windows.as_of_date
{%- endmacro %}
