-- One row per domain, split and bin of the live runs: predicted against observed.
with

live as (
    select run_id from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select
        figures.domain,
        figures.run_id,
        figures.split,
        figures.as_of_date,
        figures.bin,
        figures.rows,
        figures.mean_probability,
        figures.observed_rate,
        figures.last_as_of_date,
        figures.cut_offs
    from {{ ref('stg_churn__calibration_bins') }} as figures
    inner join live on figures.run_id = live.run_id
)

select * from final
