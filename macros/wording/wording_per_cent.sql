{#- A share as text, in whole per cent; 0% and 100% only where they are exact. -#}
{% macro wording_per_cent(share) -%}
    case
        when {{ share }} > 0 and {{ share }} < 0.005 then 'under 1%'
        when {{ share }} >= 0.995 and {{ share }} < 1 then 'over 99%'
        else {{ wording_whole('100 * ' ~ share) }} || '%'
    end
{%- endmacro %}
