-- One row per scored customer of the live runs and driver: the ten largest, then the rest as one.
select * from {{ ref('int_churn__drivers_worded') }}
