-- One row per domain and customer whose place changed since the cut-off that was published before:
-- who moved into risk or out of it, cancelled, came on the list or left it, and what changed.
with

moves as (
    select * from {{ ref('int_churn__scores_compared') }}
    where direction is not null
),

explained as (
    select * from {{ ref('int_churn__changes_explained') }}
),

final as (
    select
        moves.domain,
        moves.customer_id,
        moves.as_of_date,
        moves.previous_as_of_date,
        moves.direction,
        moves.previous_probability,
        moves.previous_risk_band,
        moves.was_at_risk,
        moves.churn_probability,
        moves.risk_band,
        moves.is_at_risk,
        moves.already_cancelled,
        explained.changed_group,
        explained.changed_group_title,
        explained.changed_log_odds,
        case moves.direction
            when 'new' then 'not_scored_before'
            when 'left_list' then 'not_scored_now'
            else explained.not_explained_because
        end as not_explained_because,
        moves.due_on,
        moves.value_at_risk,
        moves.run_id,
        moves.previous_run_id
    from moves
    left join explained
        on
            moves.domain = explained.domain
            and moves.customer_id = explained.customer_id
)

select * from final
