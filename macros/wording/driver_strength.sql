{#- In words, how much a contribution in log-odds (an SQL expression) moves the odds: strong at
    least doubles or halves them, medium moves them by a fifth. -#}
{% macro driver_strength(log_odds) -%}
    case
        when abs({{ log_odds }}) >= 0.7 then 'strong'
        when abs({{ log_odds }}) >= 0.2 then 'medium'
        else 'weak'
    end
{%- endmacro %}
