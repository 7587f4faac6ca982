{#- Catches a mart that drifted from the contract: spine names, order and types, features numeric
    and named <theme>__<measure>. One row per violation. -#}
{% test is_churn_contract(model) %}
{%- set spine = [
    ('domain', 'VARCHAR'), ('customer_id', 'VARCHAR'), ('as_of_date', 'DATE'), ('due_on', 'DATE'),
    ('label_known_on', 'DATE'), ('is_churned', 'BOOLEAN'), ('customer_value', 'DOUBLE'),
] -%}
{%- set columns = adapter.get_columns_in_relation(model) if execute else [] -%}
{%- set problems = [] -%}
{%- for column in columns -%}
    {%- if loop.index0 < spine | length -%}
        {%- if (column.name, column.dtype | upper) != spine[loop.index0] -%}
            {%- do problems.append('column ' ~ loop.index ~ ' is ' ~ column.name ~ ' ' ~ column.dtype
                ~ ', the spine wants ' ~ spine[loop.index0] | join(' ')) -%}
        {%- endif -%}
    {%- elif '__' not in column.name -%}
        {%- do problems.append(column.name ~ ' is not named <theme>__<measure>') -%}
    {%- elif column.dtype | upper not in ['DOUBLE', 'BIGINT', 'BOOLEAN'] -%}
        {%- do problems.append(column.name ~ ' is ' ~ column.dtype ~ ', features are numeric') -%}
    {%- endif -%}
{%- endfor -%}
{%- for problem in problems %}
select '{{ problem }}' as problem
{%- if not loop.last %} union all {% endif -%}
{%- else %}
select 'none' as problem where false
{%- endfor %}
{% endtest %}
