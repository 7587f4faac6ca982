-- One row per domain and customer that is scored, or was once published and is not scored any more.
--
-- It is compared with the published generation: a row whose hash is the same keeps its times, one
-- that changed has none, and publishing fills them in with its own moment. The score moves in steps
-- of .05 and only once the probability is .035 away from the published step, so that it does not
-- flutter around a border.
with

actions as (
    select * from {{ ref('fct_churn_actions') }}
),

published as (
    select * from {{ ref('stg_churn__published_actions') }}
),

scored as (
    select
        actions.domain || ':' || actions.customer_id as crm_key,
        actions.domain,
        actions.customer_id,
        case
            when
                not published.is_deleted
                and abs(actions.churn_probability - published.risk_score) <= 0.035
                then cast(round(published.risk_score * 20) as bigint)
            else cast(round(actions.churn_probability * 20) as bigint)
        end as score_step,
        actions.risk_band,
        actions.driver_group_1,
        actions.driver_group_2,
        actions.driver_group_3,
        actions.due_on,
        -- nothing that a sync could act on, unless the customer is to be treated
        case when actions.decision = 'treat' then actions.planned_action end as recommended_action,
        case when actions.decision = 'treat' then actions.channel end as channel,
        actions.is_held_out as holdout_flag,
        actions.is_suppressed,
        actions.suppression_reason,
        actions.run_id as model_version,
        actions.scored_at,
        false as is_deleted,
        cast(null as varchar) as deleted_reason
    from actions
    left join published
        on
            actions.domain = published.domain
            and actions.customer_id = published.customer_id
),

-- Who is not scored any more stays, empty, so that whoever copied the row learns of it.
tombstones as (
    select
        published.crm_key,
        published.domain,
        published.customer_id,
        cast(null as bigint) as score_step,
        cast(null as varchar) as risk_band,
        cast(null as varchar) as driver_group_1,
        cast(null as varchar) as driver_group_2,
        cast(null as varchar) as driver_group_3,
        cast(null as date) as due_on,
        cast(null as varchar) as recommended_action,
        cast(null as varchar) as channel,
        false as holdout_flag,
        false as is_suppressed,
        cast(null as varchar) as suppression_reason,
        published.model_version,
        published.scored_at,
        true as is_deleted,
        coalesce(published.deleted_reason, 'out_of_scope') as deleted_reason
    from published
    left join actions
        on
            published.domain = actions.domain
            and published.customer_id = actions.customer_id
    where actions.customer_id is null
),

rows_now as (
    select * from scored
    union all
    select * from tombstones
),

hashed as (
    select
        *,
        {{ row_hash([
            'score_step', 'risk_band', 'driver_group_1', 'driver_group_2', 'driver_group_3',
            'due_on', 'recommended_action', 'channel', 'holdout_flag', 'is_suppressed',
            'suppression_reason', 'is_deleted'
        ]) }} as row_hash
    from rows_now
),

final as (
    select
        hashed.crm_key,
        hashed.domain,
        hashed.customer_id,
        hashed.score_step / 20.0 as risk_score,
        hashed.risk_band,
        hashed.driver_group_1,
        hashed.driver_group_2,
        hashed.driver_group_3,
        hashed.due_on,
        hashed.recommended_action,
        hashed.channel,
        hashed.holdout_flag,
        hashed.is_suppressed,
        hashed.suppression_reason,
        hashed.model_version,
        hashed.scored_at,
        published.first_seen_at,
        case when hashed.row_hash = published.row_hash then published.updated_at end as updated_at,
        hashed.row_hash,
        hashed.is_deleted,
        case when hashed.is_deleted then published.deleted_at end as deleted_at,
        hashed.deleted_reason
    from hashed
    left join published
        on
            hashed.domain = published.domain
            and hashed.customer_id = published.customer_id
)

select * from final
