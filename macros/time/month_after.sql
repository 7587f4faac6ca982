{#- The same day of the next month. A day that the next month does not have runs over into the month
    after it: 31 January gives 3 March (2 March in a leap year). So [D, month_after(D)) has as
    many days as the month of D, whatever day of it D is. -#}
{% macro month_after(date) -%}
    {{ add_days(next_month(date), '(' ~ day_of_month(date) ~ ') - 1') }}
{%- endmacro %}

{#- The first day of the month after that of a date. -#}
{% macro next_month(date) -%}
    {{ return(adapter.dispatch('next_month')("date_trunc('month', " ~ date ~ ")")) }}
{%- endmacro %}

{% macro default__next_month(month_start) -%}
    cast({{ dbt.dateadd('month', 1, month_start) }} as date)
{%- endmacro %}

{% macro spark__next_month(month_start) -%}
    add_months(cast({{ month_start }} as date), 1)
{%- endmacro %}
