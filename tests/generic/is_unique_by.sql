{#- Catches a join that multiplied rows: the columns must name a row. -#}
{% test is_unique_by(model, columns) %}
select
    {{ columns | join(', ') }},
    count(*) as row_count
from {{ model }}
group by all
having count(*) > 1
{% endtest %}
