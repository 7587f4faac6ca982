{{ config(materialized='table') }}
-- One row per customer and cut-off: the contract that ml reads.
{{ churn_examples('ecommerce') }}
