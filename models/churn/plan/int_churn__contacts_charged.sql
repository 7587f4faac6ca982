-- One row per contact of the period that was reported: the action it is charged for, and how much.
-- The action that was assigned costs what was planned for it; another one what the catalogue
-- expects, contact and accepted offers. A contact without an action is taken for the assigned one.
-- An action that nobody knows costs nothing, and is counted.
with

contacts as (
    select * from {{ ref('stg_churn__contacts') }}
),

plans as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

assignments as (
    select * from {{ ref('stg_churn__assignments') }}
),

catalogue as (
    select * from {{ ref('int_churn__actions_catalogued') }}
),

of_the_period as (
    select
        contacts.domain,
        contacts.customer_id,
        contacts.contacted_on,
        contacts.action_id as reported_action_id,
        coalesce(nullif(contacts.action_id, ''), assignments.action_id) as action_id,
        assignments.action_id as assigned_action_id,
        assignments.planned_spend_cents
    from contacts
    inner join plans
        on
            contacts.domain = plans.domain
            and contacts.contacted_on >= plans.period_start
            and contacts.contacted_on < plans.period_end
    left join assignments
        on
            contacts.domain = assignments.domain
            and contacts.customer_id = assignments.customer_id
            and plans.period_start = assignments.period_start
),

final as (
    select
        of_the_period.domain,
        of_the_period.customer_id,
        of_the_period.contacted_on,
        of_the_period.reported_action_id,
        of_the_period.action_id,
        catalogue.channel,
        catalogue.action_id is null as is_unknown_action,
        coalesce(
            case
                when of_the_period.action_id = of_the_period.assigned_action_id
                    then of_the_period.planned_spend_cents
            end,
            cast(round(
                catalogue.contact_cents + catalogue.acceptance * catalogue.incentive_cents
            ) as bigint),
            0
        ) as charged_cents
    from of_the_period
    left join catalogue
        on
            of_the_period.domain = catalogue.domain
            and of_the_period.action_id = catalogue.action_id
)

select * from final
