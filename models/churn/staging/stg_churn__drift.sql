-- One row per run, scored cut-off and thing that may have moved, all runs.
with

source as (
    select * from {{ source('ml', 'drift') }}
),

renamed as (
    select
        run_id,
        domain,
        as_of_date,
        reference_as_of_date,
        kind,
        subject,
        stability_index,
        reference_value,
        current_value,
        effect_log_odds,
        is_notable,
        words
    from source
)

select * from renamed
