{{ config(materialized='table') }}
-- One row per scored customer of the live runs: what is at stake, and why no plan may contact it;
-- exclusion is null where one may. The first exclusion that holds counts. The plan knows customers
-- by number, which joins and sorts much faster than their ids and in the same order.
with

scores as (
    select * from {{ ref('fct_churn_scores') }}
    where is_live
),

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

suppressions as (
    select * from {{ ref('stg_churn__suppressions') }}
),

-- How long the last contacts still count; an action that is not in the catalogue counts for the
-- domain's own number of days.
cool_downs as (
    select
        contacts.domain,
        contacts.customer_id,
        max({{ add_days(
            'contacts.contacted_on', 'coalesce(catalogue.cool_down_days, plans.cool_down_days)'
        ) }}) as cool_until
    from {{ ref('stg_churn__contacts') }} as contacts
    inner join plans on contacts.domain = plans.domain
    left join {{ ref('int_churn__actions_catalogued') }} as catalogue
        on
            contacts.domain = catalogue.domain
            and contacts.action_id = catalogue.action_id
    group by all
),

left_alone as (
    select * from {{ ref('int_churn__leave_alone_rules_matched') }}
),

-- whom a campaign contacts in the period is not the plan's to contact as well
in_campaigns as (
    select
        domain,
        customer_id
    from {{ ref('int_churn__messages_charged') }}
    group by all
),

reasons as (
    select * from {{ ref('int_churn__reasons_picked') }}
),

joined as (
    select
        scores.*,
        plans.gross_margin,
        suppressions.customer_id is not null as is_suppressed,
        suppressions.suppression_reason,
        -- 2 of 100, whatever the plan, the cohort and the period: the salt never changes
        {{ hash_number(["'never treated'", 'scores.domain', 'scores.customer_id']) }} % 1000 < 20
            as is_never_treated,
        cool_downs.cool_until,
        in_campaigns.customer_id is not null as is_in_campaign,
        left_alone.rule,
        left_alone.because,
        reasons.theme_1,
        reasons.theme_2,
        reasons.theme_3,
        reasons.driver_group_1,
        reasons.driver_group_2,
        reasons.driver_group_3
    from scores
    inner join plans on scores.domain = plans.domain
    left join suppressions
        on
            scores.domain = suppressions.domain
            and scores.customer_id = suppressions.customer_id
    left join cool_downs
        on
            scores.domain = cool_downs.domain
            and scores.customer_id = cool_downs.customer_id
    left join in_campaigns
        on
            scores.domain = in_campaigns.domain
            and scores.customer_id = in_campaigns.customer_id
    left join left_alone
        on
            scores.domain = left_alone.domain
            and scores.customer_id = left_alone.customer_id
    left join reasons
        on
            scores.domain = reasons.domain
            and scores.customer_id = reasons.customer_id
),

final as (
    select
        run_id,
        domain,
        customer_id,
        row_number() over (
            order by domain asc, customer_id asc
        ) as customer_number,
        as_of_date,
        due_on,
        churn_probability,
        risk_band,
        is_at_risk,
        already_cancelled,
        customer_value,
        leaving_cost,
        gross_margin,
        scored_at,
        theme_1,
        theme_2,
        theme_3,
        driver_group_1,
        driver_group_2,
        driver_group_3,
        is_suppressed,
        suppression_reason,
        is_never_treated,
        case
            when is_suppressed then 'suppressed'
            when is_never_treated then 'never_treated'
            when cool_until > as_of_date then 'cool_down'
            when is_in_campaign then 'in_campaign'
            when rule is not null then 'left_alone'
            when leaving_cost is null then 'no_value'
        end as exclusion,
        case
            when is_suppressed
                then
                    'Marked do-not-contact: '
                    || coalesce(suppression_reason, 'no reason given')
            when is_never_treated then 'In the permanent control group (2% of customers)'
            when cool_until > as_of_date
                then
                    'Contacted recently (cooling off until '
                    || {{ dbt.cast('cool_until', dbt.type_string()) }} || ')'
            when is_in_campaign then 'A campaign contacts them in this period'
            when rule is not null then rule || ': ' || because
            when customer_value is null then 'Customer value unknown'
            when leaving_cost is null then 'What leaving costs is not known yet'
        end as exclusion_words
    from joined
)

select * from final
