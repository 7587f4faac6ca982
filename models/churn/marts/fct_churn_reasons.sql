-- One row per scored customer of the live runs and group of drivers, largest first.
select * from {{ ref('int_churn__reasons_worded') }}
