{#- A number as a marketer reads it, by its unit (an SQL expression): shares as per cent, seconds as
    hours or minutes, trends as a direction, money with its sign (`currency`, an SQL expression),
    the rest with at most one decimal. -#}
{% macro format_value(number, unit, currency="''") -%}
    {%- set value = '(' ~ number ~ ')' -%}
    {%- set months = [
        'January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September',
        'October', 'November', 'December'
    ] -%}
    {%- set weekdays = [
        'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday'
    ] -%}
    {#- a trend below this a day is none -#}
    {%- set level -%}
        case when {{ unit }} = 'trend of seconds' then 10 else 0.001 end
    {%- endset -%}
    case
        when {{ value }} is null then 'not known'
        when {{ unit }} = 'share'
            then {{ wording_per_cent(value) }}
        when {{ unit }} = 'money'
            then {{ currency }} || {{ wording_whole(value) }}
        when {{ unit }} = 'seconds' and {{ value }} < 0
            then 'an impossible time'
        when {{ unit }} = 'seconds' and {{ value }} < 5400
            then {{ wording_whole(value ~ ' / 60') }} || ' minutes'
        when {{ unit }} = 'seconds'
            then {{ wording_whole(value ~ ' / 3600') }} || ' hours'
        when {{ unit }} like 'trend of %'
            then
                case
                    when {{ value }} > {{ level }} then 'upwards'
                    when {{ value }} < -{{ level }} then 'downwards'
                    else 'level'
                end
        when abs({{ value }}) < 0.05 then '0'
        when {{ unit }} = 'month'
            then {{ wording_name_of(value, months) }}
        when {{ unit }} = 'weekday'
            then {{ wording_name_of(value, weekdays) }}
        when {{ value }} = round({{ value }})
            then {{ wording_whole(value) }}
        else {{ dbt.cast('round(' ~ value ~ ', 1)', dbt.type_string()) }}
    end
{%- endmacro %}
