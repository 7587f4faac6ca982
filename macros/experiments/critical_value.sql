{#- How many standard errors an interval reaches to either side.
    The fixed interval is looked at once and takes the normal quantile. The running one holds at
    every look together: the normal mixture of Robbins (1970), as an asymptotic confidence sequence
    of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (2024, Annals of Statistics 52,
    arXiv:2103.06476, theorem 2.2), narrowest where the expected number of outcomes is reached.
    converted  outcomes so far, over all arms
    expected   outcomes at the planned end, fixed before the first look; null for a fixed interval
    alpha      accepted share of false alarms
    quantile   normal quantile of 1 - alpha / 2 -#}
{% macro critical_value(converted, expected, alpha, quantile) -%}
    {%- set tuned = '(-2 * ln(' ~ alpha ~ ') + ln(-2 * ln(' ~ alpha ~ ')) + 1)' -%}
    {%- set passed = '(' ~ tuned ~ ' * greatest(' ~ converted ~ ', 1) / ' ~ expected ~ ')' -%}
    case
        when {{ expected }} is null then {{ quantile }}
        else sqrt(2 * ({{ passed }} + 1) / {{ passed }} * ln(sqrt({{ passed }} + 1) / {{ alpha }}))
    end
{%- endmacro %}
