{#- Catches rows for which an SQL expression is not true; say in the test's description what that
    would mean. -#}
{% test holds_for_every_row(model, expression) %}
select *
from {{ model }}
where not coalesce({{ expression }}, false)
{% endtest %}
