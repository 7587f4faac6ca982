{#- A number as a marketer reads it, by its unit (an SQL expression): shares as per cent, seconds as
    hours or minutes, trends as a direction, money with its sign (`currency`, an SQL expression),
    ratios with one decimal, the rest with one decimal below 10. -#}
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
    {%- set steady -%}
        case when {{ unit }} = 'trend of seconds' then 10 else 0.001 end
    {%- endset -%}
    {#- all of the longest window, 90 days: more is an error of the logs -#}
    {%- set most_seconds = 90 * 86400 -%}
    case
        when {{ value }} is null then 'unknown'
        when {{ unit }} = 'share'
            then {{ wording_per_cent(value) }}
        when {{ unit }} = 'money'
            then
                case when {{ value }} <= -0.5 then '-' else '' end
                || {{ currency }} || {{ wording_whole('abs' ~ value) }}
        when {{ unit }} = 'seconds'
            then
                case
                    when {{ value }} < 0 then 'a negative time'
                    when {{ value }} > {{ most_seconds }} then 'an impossibly long time'
                    when {{ value }} > 0 and {{ value }} < 30 then 'under a minute'
                    when {{ value }} < 5400
                        then {{ wording_whole(value ~ ' / 60') }} || ' minutes'
                    else {{ wording_whole(value ~ ' / 3600') }} || ' hours'
                end
        when {{ unit }} like 'trend of %'
            then
                case
                    when {{ value }} > {{ steady }} then 'rising'
                    when {{ value }} < -{{ steady }} then 'falling'
                    else 'steady'
                end
        when {{ unit }} = 'ratio' and {{ value }} > 100 then 'over 100'
        when {{ unit }} = 'ratio' and {{ value }} > 0 and {{ value }} < 0.05 then 'under 0.1'
        when {{ unit }} = 'ratio' and abs({{ value }}) < 10 then {{ wording_tenths(value) }}
        when abs({{ value }}) < 0.05 then '0'
        when {{ unit }} = 'month' and {{ value }} between 1 and 12
            then {{ wording_name_of(value, months) }}
        when {{ unit }} = 'weekday' and {{ value }} between 1 and 7
            then {{ wording_name_of(value, weekdays) }}
        when {{ value }} = round({{ value }}) or abs({{ value }}) >= 10
            then {{ wording_whole(value) }}
        else {{ wording_tenths(value) }}
    end
{%- endmacro %}
