{#- True for a day that goes on with a table's record: it has rows, and neither it nor the week or
    four weeks that it ends are far below the usual. `counts` is an alias of a row of
    control__day_counts. -#}
{% macro is_whole_day(counts) -%}
    {{ counts }}.event_rows > 0
    and not {{ counts }}.is_day_thin
    and not {{ counts }}.is_week_thin
    and not {{ counts }}.is_month_thin
{%- endmacro %}
