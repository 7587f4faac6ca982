{{ config(materialized='table') }}
-- One row per example of a closed cohort whose outcome a contact may have changed, or that stands
-- for such ones: the ML step learns from what these rows leave. Labels stay as they are.
-- A plan is acted on, in a period and with an action, once one of the customers whom it drew for
-- contact was reached. Then all of them are left out, reached or not, since who is reached is not
-- drawn; a customer whom it held out counts 1 / P(held out) times, in several periods the product.
-- A contact that no plan drew has nobody to stand for it.
-- Only contacts before the outcomes of a cohort were known count for it, so that a model that
-- learns what was known by a day reads no later contact.
with

periods as (
    {%- for domain, entry in var('churn_domains').items() %}
    select
        '{{ domain }}' as domain,
        cast({{ period_days(entry) }} as integer) as period_days
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

examples as (
    select
        domain,
        customer_id,
        as_of_date,
        label_known_on,
        max(label_known_on) over (partition by domain, as_of_date) as cohort_known_on
    from {{ ref('int_churn__examples_unioned') }}
    where is_churned is not null
),

assignments as (
    select
        assignments.domain,
        assignments.customer_id,
        assignments.period_start,
        {{ add_days('assignments.period_start', 'periods.period_days') }} as period_end,
        assignments.as_of_date as assigned_on,
        assignments.arm,
        coalesce(assignments.action_id, '') as action_id,
        assignments.holdout_per_mille
    from {{ ref('stg_churn__assignments') }} as assignments
    inner join periods on assignments.domain = periods.domain
    where assignments.arm in ('treat', 'control')
),

-- A message of a campaign is of the period whose arms it took, whenever it arrived.
contacts as (
    select
        domain,
        customer_id,
        contacted_on,
        coalesce(action_id, '') as action_id,
        cast(null as date) as of_period
    from {{ ref('stg_churn__contacts') }}
    union
    select
        messages.domain,
        messages.customer_id,
        cast(messages.ended_at as date) as contacted_on,
        '' as action_id,
        campaigns.period_start as of_period
    from {{ ref('stg_churn__campaign_messages') }} as messages
    inner join {{ ref('stg_churn__campaigns') }} as campaigns
        on messages.campaign_id = campaigns.campaign_id
    where messages.message_state = 'delivered'
),

-- A contact without an action is taken for the assigned one, as in the plan's charges.
contacts_by_plan as (
    select distinct
        contacts.domain,
        contacts.customer_id,
        contacts.contacted_on,
        contacts.action_id as contact_action_id,
        assignments.period_start,
        assignments.action_id
    from contacts
    inner join assignments
        on
            contacts.domain = assignments.domain
            and contacts.customer_id = assignments.customer_id
    where
        assignments.arm = 'treat'
        and assignments.holdout_per_mille > 0
        and contacts.action_id in ('', assignments.action_id)
        and (
            contacts.of_period = assignments.period_start
            or (
                contacts.of_period is null
                and contacts.contacted_on >= assignments.assigned_on
                and contacts.contacted_on < assignments.period_end
            )
        )
),

acted_on as (
    select
        domain,
        period_start,
        action_id,
        min(contacted_on) as first_contact_on
    from contacts_by_plan
    group by domain, period_start, action_id
),

of_plans as (
    select
        examples.domain,
        examples.customer_id,
        examples.as_of_date,
        max(case when assignments.arm = 'treat' then 1 else 0 end) = 1 as is_treated,
        round(exp(sum(
            case
                when assignments.arm = 'control'
                    then ln(cast(1000 as double) / assignments.holdout_per_mille)
                else 0
            end
        )), 9) as weight
    from assignments
    inner join acted_on
        on
            assignments.domain = acted_on.domain
            and assignments.period_start = acted_on.period_start
            and assignments.action_id = acted_on.action_id
    inner join examples
        on
            assignments.domain = examples.domain
            and assignments.customer_id = examples.customer_id
            and assignments.assigned_on < examples.label_known_on
            and assignments.period_end > examples.as_of_date
            and acted_on.first_contact_on < examples.cohort_known_on
    where assignments.holdout_per_mille > 0
    group by examples.domain, examples.customer_id, examples.as_of_date
),

-- From the cut-off on, or from the draw of the period that the cut-off is in.
outside_plans as (
    select distinct
        examples.domain,
        examples.customer_id,
        examples.as_of_date
    from contacts
    inner join examples
        on
            contacts.domain = examples.domain
            and contacts.customer_id = examples.customer_id
            and contacts.contacted_on < examples.label_known_on
    left join assignments
        on
            examples.domain = assignments.domain
            and examples.customer_id = assignments.customer_id
            and examples.as_of_date >= assignments.assigned_on
            and examples.as_of_date < assignments.period_end
    left join contacts_by_plan
        on
            contacts.domain = contacts_by_plan.domain
            and contacts.customer_id = contacts_by_plan.customer_id
            and contacts.contacted_on = contacts_by_plan.contacted_on
            and contacts.action_id = contacts_by_plan.contact_action_id
    where
        contacts_by_plan.customer_id is null
        and contacts.contacted_on >= coalesce(assignments.assigned_on, examples.as_of_date)
),

final as (
    select
        coalesce(of_plans.domain, outside_plans.domain) as domain,
        coalesce(of_plans.customer_id, outside_plans.customer_id) as customer_id,
        coalesce(of_plans.as_of_date, outside_plans.as_of_date) as as_of_date,
        coalesce(of_plans.is_treated, false) or outside_plans.customer_id is not null
            as is_contacted,
        case when of_plans.is_treated then 0 else coalesce(of_plans.weight, 1) end as weight,
        case
            when of_plans.is_treated then 'treated_by_plan'
            when outside_plans.customer_id is not null then 'outside_plan'
            else 'control_of_plan'
        end as reason
    from of_plans
    full outer join outside_plans
        on
            of_plans.domain = outside_plans.domain
            and of_plans.customer_id = outside_plans.customer_id
            and of_plans.as_of_date = outside_plans.as_of_date
)

select * from final
