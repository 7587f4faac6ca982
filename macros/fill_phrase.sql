{#- A driver phrase with the customer's value and the usual value, both as words, filled in. Where
    both read the same, what is usual is not said twice. The arguments are SQL expressions. -#}
{% macro fill_phrase(phrase, own, usual) -%}
    {{ singular(
        "replace(replace(case when " ~ own ~ " = " ~ usual ~ " then split_part(" ~ phrase
        ~ ", ';', 1) || ', as is usual' else " ~ phrase ~ " end, '{value}', " ~ own
        ~ "), '{usual}', " ~ usual ~ ")"
    ) }}
{%- endmacro %}
