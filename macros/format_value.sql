{#- A number as a marketer reads it, by its unit (an SQL expression): shares as per cent, seconds as
    hours or minutes, trends as a direction, money with its sign (`currency`, an SQL expression), the
    rest with at most one decimal. -#}
{% macro format_value(number, unit, currency="''") -%}
    {%- set value = '(' ~ number ~ ')' -%}
    case
        when {{ value }} is null then 'not known'
        when {{ unit }} = 'share'
            then {{ per_cent(value) }}
        when {{ unit }} = 'money'
            then {{ currency }} || {{ whole(value) }}
        when {{ unit }} = 'seconds' and {{ value }} < 0
            then 'an impossible time'
        when {{ unit }} = 'seconds' and {{ value }} < 5400
            then {{ whole(value ~ ' / 60') }} || ' minutes'
        when {{ unit }} = 'seconds'
            then {{ whole(value ~ ' / 3600') }} || ' hours'
        when {{ unit }} like 'trend of %'
            then
                case
                    when {{ value }} > case when {{ unit }} = 'trend of seconds' then 10 else 0.001 end then 'upwards'
                    when {{ value }} < case when {{ unit }} = 'trend of seconds' then -10 else -0.001 end then 'downwards'
                    else 'level'
                end
        when abs({{ value }}) < 0.05 then '0'
        when {{ unit }} = 'month'
            then {{ name_of(value, ['January', 'February', 'March', 'April', 'May', 'June', 'July',
                'August', 'September', 'October', 'November', 'December']) }}
        when {{ unit }} = 'weekday'
            then {{ name_of(value, ['Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday',
                'Saturday', 'Sunday']) }}
        when {{ value }} = round({{ value }})
            then {{ whole(value) }}
        else {{ dbt.cast('round(' ~ value ~ ', 1)', dbt.type_string()) }}
    end
{%- endmacro %}

{% macro whole(value) -%}
    {{ dbt.cast('cast(round(' ~ value ~ ') as decimal(38, 0))', dbt.type_string()) }}
{%- endmacro %}

{% macro per_cent(share) -%}
    {{ whole('100 * ' ~ share) }} || '%'
{%- endmacro %}

{#- The name at a place, counted from 1. -#}
{% macro name_of(value, names) -%}
    {{ dbt.split_part("'" ~ names | join('|') ~ "'", "'|'", 'cast(' ~ value ~ ' as integer)') }}
{%- endmacro %}
