{#- True where a hole touches a cohort or its outcomes, those of [cut-off, closes_on). `holes` is an
    alias of a row of control__outcome_holes. -#}
{% macro is_touched(holes, as_of_date, closes_on) -%}
    (
        ({{ as_of_date }} <= {{ holes }}.day and {{ closes_on }} > {{ holes }}.day)
        or (
            {{ as_of_date }} >= {{ holes }}.unsure_from
            and {{ as_of_date }} < {{ holes }}.unsure_before
        )
    )
{%- endmacro %}
