-- One row per domain, customer and cut-off: every feature of the kind. Nothing about outcomes is
-- upstream of this model, which is what real time, the time-travel proof and the marts all run.
select *
from {{ ref('int_subscription__history_featured') }}
inner join {{ ref('int_subscription__usage_featured') }} using (domain, customer_id, as_of_date)
