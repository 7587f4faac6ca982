{#- Whether a driver says what holds for most customers: the value that is typical, or a yes or no
    that at least half of them share, or the level of the whole cohort. It moves the risk, but
    nobody would call it a reason. Expects the columns of `driver_words`. -#}
{% macro driver_is_typical() -%}
    coalesce(
        case
            when feature = 'cohort_level' then true
            when phrase_true is not null then said_share >= 0.5
            else value_words = usual_words and is_same_side
        end,
        false
    )
{%- endmacro %}
