-- One row per transaction, as the files have it: where the corrections begin.
select
    *,
    false as is_inferred,
    cast(null as string) as correction
from {{ ref('stg_kkbox__periods') }}
