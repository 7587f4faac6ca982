-- One row per member and cut-off: churned under the organisers' rule. From the cut-off on a cancel
-- may pull the expiry earlier; the first purchase ends the walk; a gap of renewal_days is churn.
{%- set renewal_days = 30 %}
with

cohort as (
    {{ with_outcome_history(
        'kkbox',
        ref('int_kkbox__cohorts_selected'),
        kkbox_label_known_on('lapse', 'cohort.expires_on', 'cohort.as_of_date')
    ) }}
),

transactions as (
    select * from {{ ref('int_kkbox__transactions_ordered') }}
),

-- A purchase later than expiry + renewal_days is churn whatever came before it, so the walk may
-- stop there.
walked as (
    select
        cohort.customer_id,
        cohort.as_of_date,
        cohort.expires_on,
        transactions.position,
        transactions.transacted_on,
        transactions.is_cancel,
        transactions.expires_on as cancelled_to,
        min(case when not transactions.is_cancel then transactions.position end)
            over (partition by cohort.customer_id, cohort.as_of_date) as renewal_position
    from cohort
    left join transactions
        on
            cohort.outcome_as = transactions.customer_id
            and cohort.as_of_date <= transactions.transacted_on
            and {{ add_days('cohort.expires_on', renewal_days) }} >= transactions.transacted_on
),

ended as (
    select
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
        customer_id,
        as_of_date,
        'lapse' as label_definition,
        expires_on,
        {{ kkbox_label_known_on('lapse', 'expires_on', 'as_of_date') }} as label_known_on,
        coalesce(
            {{ days_between('pulled_expires_on', 'renewed_on') }} >= {{ renewal_days }},
            true
        ) as is_churned
    from pulled
)

select * from labelled
