{#- True when a count is far below what was expected, too far for chance: below `share` of it, and
    P(X <= count) < 1e-6 for a Poisson number X with that mean. From six rows on, a count below a
    fifth of the mean is always that unlikely, so only the first six terms of the sum are written
    out. Null without an expectation. -#}
{% macro is_far_below(count, expected, share=0.2) -%}
    (
        {{ count }} < {{ share }} * {{ expected }}
        and (
            {{ count }} >= 6
            or exp(-{{ expected }}) * (
                1
                {%- for k in range(1, 6) %}
                + case when {{ count }} >= {{ k }} then power({{ expected }}, {{ k }}) / {{
                    [1, 1, 2, 6, 24, 120][k] }} else 0 end
                {%- endfor %}
            ) < 0.000001
        )
    )
{%- endmacro %}
