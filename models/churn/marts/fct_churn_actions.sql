-- One row per domain and scored customer of the live runs: what to do, or why nothing.
with

customers as (
    select * from {{ ref('int_churn__contact_eligibility_checked') }}
),

valued as (
    select * from {{ ref('int_churn__actions_valued') }}
),

catalogue as (
    select * from {{ ref('int_churn__actions_catalogued') }}
),

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

assigned as (
    select * from {{ ref('int_churn__arms_assigned') }}
),

kept as (
    select * from {{ ref('int_churn__assignments_kept') }}
),

options as (
    select * from {{ ref('int_churn__customer_options_summarised') }}
),

audience as (
    select * from {{ ref('int_churn__plan_audience_selected') }}
),

-- What the plan's own choice of actions and channels leaves of these options.
open_options as (
    select
        customer_number,
        max(profit_cents) as best_profit_cents
    from {{ ref('int_churn__plan_options_offered') }}
    group by all
),

decided as (
    select
        customers.*,
        assigned.action_id,
        assigned.spend_cents,
        assigned.profit_cents,
        case
            when customers.is_never_treated then 'never_treated'
            else coalesce(kept.arm, assigned.arm)
        end as arm,
        plans.period_start,
        case
            when assigned.arm = 'control' then 'hold_out'
            when assigned.action_id is not null then 'treat'
            else 'leave'
        end as decision,
        case
            when assigned.arm = 'control' then 'held_out'
            when assigned.action_id is not null then null
            when customers.exclusion is not null then customers.exclusion
            when customers.theme_1 is null then 'nothing_raises_the_risk'
            when options.customer_number is null then 'no_action_answers'
            when options.actions_within_bounds = 0 then 'out_of_bounds'
            when options.actions_offered = 0 then 'too_late'
            when options.best_profit_cents <= 0 then 'does_not_pay'
            when audience.customer_number is null then 'outside_the_audience'
            when open_options.customer_number is null then 'actions_left_out'
            when open_options.best_profit_cents <= 0 then 'does_not_pay'
            else 'beyond_budget'
        end as reason,
        options.best_profit_cents
    from customers
    inner join plans on customers.domain = plans.domain
    left join assigned on customers.customer_number = assigned.customer_number
    left join kept on customers.customer_number = kept.customer_number
    left join options on customers.customer_number = options.customer_number
    left join audience on customers.customer_number = audience.customer_number
    left join open_options on customers.customer_number = open_options.customer_number
),

-- What a saved customer keeps and what a stayer costs, for the break-even probability
--     p* = (accept * incentive + contact)
--         / (save * (cost * margin - incentive) + accept * incentive)
-- at which the expected profit of the action (see int_churn__actions_valued) is 0.
weighed as (
    select
        decided.*,
        catalogue.title,
        catalogue.message_hint,
        catalogue.channel,
        catalogue.evidence,
        catalogue.evidence_code,
        catalogue.save_rate,
        catalogue.contact_cents,
        100 * decided.leaving_cost * decided.gross_margin - catalogue.incentive_cents
            as kept_cents,
        catalogue.acceptance * catalogue.incentive_cents as lost_cents
    from decided
    left join catalogue
        on
            decided.domain = catalogue.domain
            and decided.action_id = catalogue.action_id
),

final as (
    select
        weighed.domain,
        weighed.customer_id,
        weighed.as_of_date,
        weighed.due_on,
        weighed.run_id,
        weighed.churn_probability,
        weighed.risk_band,
        weighed.customer_value,
        weighed.decision,
        weighed.reason,
        case weighed.reason
            when 'held_out' then 'In the control group: not contacted, to measure the effect'
            when 'nothing_raises_the_risk' then 'No signs of leaving'
            when 'no_action_answers' then 'No action fits the reasons'
            when 'out_of_bounds' then 'Risk or value outside the actions'' limits'
            when 'too_late' then 'Due before an action can reach them'
            when 'does_not_pay' then 'Would cost more than it earns'
            when 'outside_the_audience' then 'Outside the audience of the plan'
            when 'actions_left_out' then 'The plan leaves out the actions that fit'
            when 'beyond_budget' then 'Budget or channel used up (it earns more elsewhere)'
            else weighed.exclusion_words
        end as reason_words,
        weighed.action_id as planned_action,
        weighed.title as action_title,
        weighed.message_hint,
        weighed.channel,
        case valued.answered_place
            when 1 then weighed.theme_1
            when 2 then weighed.theme_2
            when 3 then weighed.theme_3
        end as theme,
        weighed.driver_group_1,
        weighed.driver_group_2,
        weighed.driver_group_3,
        weighed.profit_cents / 100.0 as expected_profit,
        weighed.spend_cents / 100.0 as expected_spend,
        case
            when weighed.save_rate * weighed.kept_cents + weighed.lost_cents > 0
                then
                    (weighed.lost_cents + weighed.contact_cents)
                    / (weighed.save_rate * weighed.kept_cents + weighed.lost_cents)
        end as break_even_probability,
        weighed.churn_probability * weighed.save_rate as expected_churn_averted,
        weighed.evidence,
        weighed.evidence_code,
        weighed.best_profit_cents / 100.0 as best_profit_alone,
        weighed.arm,
        weighed.period_start,
        weighed.decision = 'hold_out' or weighed.is_never_treated as is_held_out,
        weighed.is_never_treated,
        weighed.is_suppressed,
        weighed.suppression_reason,
        weighed.scored_at
    from weighed
    left join valued
        on
            weighed.customer_number = valued.customer_number
            and weighed.action_id = valued.action_id
)

select * from final
