-- One row per customer and cut-off: churned by a lapse. From the cut-off on a cancel may pull the
-- expiry earlier; the first purchase ends the walk; a gap of renewal_days is churn.
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
        periods.expires_on as cancelled_to,
        min(case when not periods.is_cancel then periods.position end)
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

ended as (
    select
        domain,
        customer_id,
        as_of_date,
        expires_on,
        min(case when position = renewal_position then transacted_on end) as renewed_on,
        min(case
            when is_cancel and (renewal_position is null or position < renewal_position)
                then cancelled_to
        end) as cancelled_to
    from walked
    group by all
),

pulled as (
    select
        *,
        least(expires_on, coalesce(cancelled_to, expires_on)) as pulled_expires_on
    from ended
),

labelled as (
    select
        domain,
        customer_id,
        as_of_date,
        'lapse' as label_definition,
        expires_on,
        {{ add_days('expires_on', renewal_days) }} as label_known_on,
        coalesce(
            {{ days_between('pulled_expires_on', 'renewed_on') }} >= {{ renewal_days }},
            true
        ) as is_churned
    from pulled
)

select * from labelled
