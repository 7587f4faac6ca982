-- One row per evaluated run and number of cohorts learned from, all runs.
with

source as (
    select * from {{ source('ml', 'learning_curve') }}
),

renamed as (
    select
        run_id,
        domain,
        as_of_date,
        coalesce(last_as_of_date, as_of_date) as last_as_of_date,
        coalesce(cut_offs, 1) as cut_offs,
        cohorts,
        oldest,
        learned_from,
        rows,
        log_loss,
        gain_of_all,
        gain_se
    from source
)

select * from renamed
