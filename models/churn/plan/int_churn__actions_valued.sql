{{ config(materialized='table') }}
-- One row per customer that may be contacted and active action that answers one of its three
-- strongest reasons and whose condition the customer meets: what the action is expected to earn and
-- to cost, in whole cents, and whether it may be offered.
--
-- Expected profit of contacting a customer (Neslin, Gupta, Kamakura, Lu and Mason 2006, Defection
-- Detection, Journal of Marketing Research 43, equation 1, for one customer and with a share of the
-- stayers that accepts instead of all; Verbraken, Verbeke and Baesens 2013, A Novel Profit
-- Maximizing Metric, IEEE TKDE 25, with a Beta save rate, of which the mean is enough here because
-- profit is linear in it):
--     profit = p * save * (cost * margin - incentive) - (1 - p) * accept * incentive - contact
-- where cost is what it costs if the customer leaves: the revenue of those who stay less that of
-- those who leave, not the whole value, since leavers come back and stayers buy less than before.
with

customers as (
    select * from {{ ref('int_churn__contact_eligibility_checked') }}
    where exclusion is null
),

catalogue as (
    select * from {{ ref('int_churn__actions_catalogued') }}
    where is_active
),

met as (
    select * from {{ ref('int_churn__action_conditions_met') }}
),

-- The few combinations of reasons there are, with the strongest reason that each action answers.
combinations as (
    select distinct
        domain,
        theme_1,
        theme_2,
        theme_3
    from customers
    where theme_1 is not null
),

answers as (
    select
        combinations.*,
        catalogue.action_id,
        catalogue.channel,
        catalogue.condition,
        catalogue.save_rate,
        catalogue.acceptance,
        catalogue.contact_cents,
        catalogue.incentive_cents,
        catalogue.lead_days,
        catalogue.min_probability,
        catalogue.max_probability,
        catalogue.min_value,
        catalogue.max_value,
        case
            when catalogue.themes like '%|' || combinations.theme_1 || '|%' then 1
            when catalogue.themes like '%|' || combinations.theme_2 || '|%' then 2
            when catalogue.themes like '%|' || combinations.theme_3 || '|%' then 3
        end as place
    from combinations
    inner join catalogue on combinations.domain = catalogue.domain
),

paired as (
    select
        customers.domain,
        customers.customer_number,
        customers.churn_probability,
        answers.action_id,
        answers.channel,
        answers.place,
        coalesce(customers.churn_probability >= answers.min_probability, true)
        and coalesce(customers.churn_probability <= answers.max_probability, true)
        and coalesce(customers.customer_value >= answers.min_value, true)
        and coalesce(customers.customer_value <= answers.max_value, true) as is_within_bounds,
        coalesce(
            {{ add_days('customers.as_of_date', 'answers.lead_days') }} <= customers.due_on, true
        ) as is_in_time,
        100 * customers.leaving_cost * customers.gross_margin as margin_cents,
        answers.save_rate,
        answers.acceptance,
        answers.contact_cents,
        answers.incentive_cents
    from customers
    inner join answers
        on
            customers.domain = answers.domain
            and customers.theme_1 = answers.theme_1
            and customers.theme_2 is not distinct from answers.theme_2
            and customers.theme_3 is not distinct from answers.theme_3
    left join met
        on
            customers.customer_number = met.customer_number
            and answers.condition = met.condition
    where
        answers.place is not null
        and (answers.condition is null or met.condition is not null)
),

final as (
    select
        domain,
        customer_number,
        action_id,
        channel,
        place as answered_place,
        is_within_bounds,
        is_within_bounds and is_in_time as is_offered,
        cast(round(
            churn_probability * save_rate * (margin_cents - incentive_cents)
            - (1 - churn_probability) * acceptance * incentive_cents
            - contact_cents
        ) as bigint) as profit_cents,
        cast(round(
            contact_cents
            + incentive_cents
            * (churn_probability * save_rate + (1 - churn_probability) * acceptance)
        ) as bigint) as spend_cents
    from paired
)

select * from final
