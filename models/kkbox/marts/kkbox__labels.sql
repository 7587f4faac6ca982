-- One row per label definition, member and cut-off. A frozen cohort is read from its file and never
-- computed again; the others are as the raw data have them today.
with

frozen as (
    select * from {{ source('kkbox_labels', 'frozen_labels') }}
),

latest_version as (
    select
        label_definition,
        as_of_date,
        max(label_version) as label_version
    from frozen
    group by all
),

kept as (
    select
        frozen.customer_id,
        frozen.as_of_date,
        frozen.label_definition,
        frozen.expires_on,
        frozen.label_known_on,
        frozen.is_churned
    from frozen
    inner join latest_version
        on
            frozen.label_definition = latest_version.label_definition
            and frozen.as_of_date = latest_version.as_of_date
            and frozen.label_version = latest_version.label_version
),

derived as (
    select * from {{ ref('int_kkbox__labels_closed') }}
),

computed as (
    select derived.*
    from derived
    left join latest_version
        on
            derived.label_definition = latest_version.label_definition
            and derived.as_of_date = latest_version.as_of_date
    where latest_version.label_version is null
),

final as (
    select * from kept
    union all
    select * from computed
)

select * from final
