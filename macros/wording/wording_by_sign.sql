{#- The phrase that says a number: the phrase itself, or its variant `…_zero` or `…_negative`. A
    count or an average that would read as 0 is zero. -#}
{% macro wording_by_sign(number, phrase) -%}
    case
        when
            {{ number }} = 0
            or (abs({{ number }}) < 0.05 and unit not in ('share', 'ratio', 'money', 'seconds'))
            then coalesce({{ phrase }}_zero, {{ phrase }})
        when {{ number }} < 0 then coalesce({{ phrase }}_negative, {{ phrase }})
        else {{ phrase }}
    end
{%- endmacro %}
