-- One row per domain and action of the catalogue: what it costs, what it is expected to do, and
-- where that expectation comes from.
select
    domain,
    action_id,
    title as action_title,
    channel,
    themes,
    condition,
    message_hint,
    contact_cents / 100.0 as contact_cost,
    incentive_cents / 100.0 as incentive_cost,
    save_rate,
    acceptance as acceptance_rate,
    cast(lead_days as bigint) as lead_days,
    cast(cool_down_days as bigint) as cool_down_days,
    min_probability,
    max_probability,
    min_value,
    max_value,
    is_active,
    evidence,
    evidence_code,
    priors_source as evidence_source,
    assumed_save_rate,
    save_rate_error
from {{ ref('int_churn__actions_catalogued') }}
