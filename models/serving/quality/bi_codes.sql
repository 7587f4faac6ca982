-- One row per vocabulary and code: what a code of a published column is called and means.
select
    kind,
    code,
    title,
    term,
    description
from {{ ref('codes') }}
