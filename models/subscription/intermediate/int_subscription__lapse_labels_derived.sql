{{ config(materialized='table') }}
-- One row per customer and cut-off: churned by a lapse. From the cut-off on a cancel may pull the
-- expiry earlier and a change may move it; the first purchase ends the walk; a gap of renewal_days
-- is churn.
{%- set renewal_days = 30 %}
with

cohort as (
    {{ cohort_with_outcome(
        ref('int_subscription__cohorts_selected'), add_days('cohort.expires_on', renewal_days)
    ) }}
),

periods as (
    select * from {{ ref('int_subscription__periods_ordered') }}
),

-- A purchase later than expiry + renewal_days is churn whatever came before it, so the walk may
-- stop there.
walked as (
    select
        cohort.domain,
        cohort.customer_id,
        cohort.as_of_date,
        cohort.expires_on,
        periods.position,
        periods.transacted_on,
        periods.is_cancel,
        periods.is_change,
        periods.expires_on as moved_to,
        min(case when not periods.is_cancel and not periods.is_change then periods.position end)
            over (partition by cohort.domain, cohort.customer_id, cohort.as_of_date)
            as renewal_position
    from cohort
    left join periods
        on
            cohort.domain = periods.domain
            and cohort.outcome_as = periods.customer_id
            and cohort.as_of_date <= periods.transacted_on
            and {{ add_days('cohort.expires_on', renewal_days) }} >= periods.transacted_on
),

-- The last change before the renewal says when the membership ends; cancels before it do not.
changed as (
    select
        *,
        coalesce(position < renewal_position, true) as is_before_renewal,
        max(case when is_change and coalesce(position < renewal_position, true) then position end)
            over (partition by domain, customer_id, as_of_date)
            as change_position
    from walked
),

ended as (
    select
        domain,
        customer_id,
        as_of_date,
        expires_on,
        min(case when position = renewal_position then transacted_on end) as renewed_on,
        min(case when position = change_position then moved_to end) as changed_to,
        min(case
            when is_cancel and is_before_renewal and coalesce(position > change_position, true)
                then moved_to
        end) as cancelled_to
    from changed
    group by domain, customer_id, as_of_date, expires_on
),

moved as (
    select
        *,
        least(
            coalesce(changed_to, expires_on), coalesce(cancelled_to, changed_to, expires_on)
        ) as moved_expires_on,
        {{ add_days('expires_on', renewal_days) }} as label_known_on
    from ended
),

labelled as (
    select
        domain,
        customer_id,
        as_of_date,
        'lapse' as label_definition,
        expires_on,
        label_known_on,
        -- who moved the expiry later has not lapsed by the day on which the outcome is known
        {{ days_between('moved_expires_on', 'coalesce(renewed_on, label_known_on)') }}
        >= {{ renewal_days }} as is_churned
    from moved
)

select * from labelled
