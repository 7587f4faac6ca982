-- One row per domain and customer of the scored cohort: risk, reasons, value, action, part of the
-- cohort, lately against before, all in one place.
with

risk as (
    select * from {{ ref('bi_churn_risk') }}
),

actions as (
    select * from {{ ref('bi_churn_actions') }}
),

segments as (
    select * from {{ ref('bi_customer_segments') }}
),

activity as (
    select
        domain,
        customer_id,
        -- a window with a week that is not covered is not known
        case
            when count(active_days) filter (where weeks_before <= 4) = 4
                then cast(sum(active_days) filter (where weeks_before <= 4) as bigint)
        end as active_days_4w,
        case
            when count(active_days) filter (where weeks_before between 5 and 8) = 4
                then cast(sum(active_days) filter (where weeks_before between 5 and 8) as bigint)
        end as active_days_4w_before
    from {{ ref('bi_customer_activity') }}
    group by all
),

-- What lowers the risk most; what raises it is in bi_churn_risk.
lowering as (
    select
        domain,
        customer_id,
        sentence
    from {{ ref('bi_churn_reasons') }}
    where direction = 'lowers'
    qualify row_number() over (
        partition by domain, customer_id
        order by rank asc
    ) = 1
),

parts as (
    select
        domain,
        customer_id,
        max(case when segment = 'ladder' then segment_value end) as segment
    from segments
    group by all
),

-- The score that was valid before: of the newest earlier cut-off, by the run that came last.
earlier as (
    select
        scores.domain,
        scores.customer_id,
        scores.as_of_date,
        scores.churn_probability,
        scores.risk_band
    from {{ ref('fct_churn_scores') }} as scores
    inner join risk
        on
            scores.domain = risk.domain
            and scores.customer_id = risk.customer_id
            and scores.as_of_date < risk.as_of_date
    qualify row_number() over (
        partition by scores.domain, scores.customer_id
        order by scores.as_of_date desc, scores.scored_at desc, scores.run_id asc
    ) = 1
),

final as (
    select
        risk.domain,
        risk.customer_id,
        risk.as_of_date,

        -- risk
        risk.due_on,
        risk.churn_probability,
        risk.risk_band,
        risk.risk_rank,
        risk.already_cancelled,
        earlier.as_of_date as previous_as_of_date,
        earlier.churn_probability as previous_probability,
        earlier.risk_band as previous_risk_band,

        -- reasons
        risk.top_driver_1,
        risk.top_driver_2,
        risk.top_driver_3,
        lowering.sentence as top_driver_against,

        -- value
        risk.customer_value,
        risk.value_at_risk,

        -- action
        actions.decision,
        actions.reason_words,
        actions.planned_action,
        actions.action_title,
        actions.channel,
        actions.expected_profit,
        actions.is_held_out,
        actions.is_suppressed,

        -- who they are and what they did
        parts.segment,
        activity.active_days_4w,
        activity.active_days_4w_before,

        -- lineage
        risk.label_definition,
        risk.run_id,
        risk.scored_at
    from risk
    left join actions
        on
            risk.domain = actions.domain
            and risk.customer_id = actions.customer_id
    left join lowering
        on
            risk.domain = lowering.domain
            and risk.customer_id = lowering.customer_id
    left join parts
        on
            risk.domain = parts.domain
            and risk.customer_id = parts.customer_id
    left join activity
        on
            risk.domain = activity.domain
            and risk.customer_id = activity.customer_id
    left join earlier
        on
            risk.domain = earlier.domain
            and risk.customer_id = earlier.customer_id
)

select * from final
