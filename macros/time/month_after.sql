{#- The same day of the next month. A day that the next month does not have runs over into the month
    after it: 31 January gives 3 March (2 March in a leap year). So [D, month_after(D)) has as
    many days as the month of D, whatever day of it D is. -#}
{% macro month_after(date) -%}
    {{ add_days(next_month(date), '(' ~ day_of_month(date) ~ ') - 1') }}
{%- endmacro %}
