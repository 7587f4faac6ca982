-- One row per member and cut-off: churned under the rule that reproduces the published labels. A
-- member stays when a purchase with money paid is dated in the 31 days from the expiry: on the day
-- itself, on the thirtieth after it, or between.
{%- set window_days = 31 %}
with

members as (
    select * from {{ ref('int_subscription__cohorts_selected') }}
    where domain = 'kkbox'
),

cohort as (
    {{ cohort_with_outcome(
        'members', kkbox_label_known_on('kaggle_rule', 'cohort.expires_on', 'cohort.as_of_date')
    ) }}
),

payments as (
    select
        customer_id,
        transacted_on
    from {{ ref('int_subscription__periods_ordered') }}
    where
        domain = 'kkbox'
        and not is_cancel
        and amount_paid > 0
),

labelled as (
    select
        cohort.customer_id,
        cohort.as_of_date,
        'kaggle_rule' as label_definition,
        cohort.expires_on,
        {{ kkbox_label_known_on('kaggle_rule', 'cohort.expires_on', 'cohort.as_of_date') }}
            as label_known_on,
        count(payments.transacted_on) = 0 as is_churned
    from cohort
    left join payments
        on
            cohort.outcome_as = payments.customer_id
            and cohort.expires_on <= payments.transacted_on
            and {{ add_days('cohort.expires_on', window_days) }} > payments.transacted_on
    group by cohort.customer_id, cohort.as_of_date, cohort.expires_on
)

select * from labelled
