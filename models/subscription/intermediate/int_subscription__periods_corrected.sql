{{ config(materialized='table' if is_kind_corrected('subscription', 'periods') else 'view') }}
-- One row per change of a membership in the order of its days, beside what held before it: what
-- features rest on. The rows as the files have them where no correction is adopted.
{% if is_kind_corrected('subscription', 'periods') -%}
{{ periods_walked(ref('stg_subscription__periods_corrected')) }}
{%- else -%}
select
    *,
    false as is_inferred,
    cast(null as varchar) as correction
from {{ ref('int_subscription__periods_ordered') }}
{%- endif %}
