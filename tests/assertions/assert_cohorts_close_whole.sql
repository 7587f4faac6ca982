-- Catches a cohort whose rows close one by one: training on those whose outcome came early selects
-- on the outcome.
select
    domain,
    label_definition,
    as_of_date,
    count(*) as label_rows,
    count(is_churned) as rows_with_outcome
from {{ ref('int_churn__labels_unioned') }}
group by all
having count(is_churned) not in (0, count(*))
