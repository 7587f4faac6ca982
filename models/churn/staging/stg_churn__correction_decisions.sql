-- One row per domain, correction and decision to adopt or to drop it.
select
    domain,
    name,
    decision,
    verdict,
    accepted_because,
    decided_at
from {{ source('corrections', 'correction_decisions') }}
