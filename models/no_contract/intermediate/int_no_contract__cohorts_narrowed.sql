-- One row per customer and cut-off of the cohorts whose features this build makes.
select cohorts.*
from {{ ref('int_no_contract__cohorts_selected') }} as cohorts
inner join {{ ref('control__feature_cut_offs') }} as cut_offs
    on
        cohorts.domain = cut_offs.domain
        and cohorts.as_of_date = cut_offs.as_of_date
