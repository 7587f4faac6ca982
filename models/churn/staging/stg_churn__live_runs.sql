-- One row per domain and decision about which run scores.
with

source as (
    select * from {{ source('ml', 'live_runs') }}
),

renamed as (
    select
        domain,
        decision,
        decided_at,
        run_id,
        challenger_run_id,
        rule,
        words,
        judged_on,
        rows,
        champion_log_loss,
        challenger_log_loss,
        gain,
        gain_se
    from source
)

select * from renamed
