{#- Catches a cut-off that silently lost its cohort. Cut-offs whose cohort is truly empty are rare
    enough to be worth a warning. -#}
{% test has_rows_for_each_cut_off(model, domain) %}
{{ config(severity='warn') }}
select cut_offs.as_of_date
from {{ ref('control__cut_offs') }} as cut_offs
left join {{ model }} as examples on cut_offs.as_of_date = examples.as_of_date
where cut_offs.domain = '{{ domain }}'
group by all
having count(examples.customer_id) = 0
{% endtest %}
