{#- Catches a join that multiplied rows: the columns must name a row. With `newest`, a date, only the
    rows of each domain's newest one are looked at: in a table that only grows, older rows were
    looked at when they were the newest. -#}
{% test is_unique_by(model, columns, newest=none) %}
select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
{%- if newest %}
where (domain, {{ newest }}) in (select domain, max({{ newest }}) from {{ model }} group by domain)
{%- endif %}
group by all
having count(*) > 1
{% endtest %}
