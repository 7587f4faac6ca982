{{ config(materialized='table') }}
-- One row per customer that may be contacted and active action that answers one of its three
-- strongest reasons and whose condition the customer meets: what the action is expected to earn and
-- to cost, in whole cents, and whether it may be offered. An action that the period has assigned to
-- the customer answered a reason on the day of its assignment, and stays although small reasons
-- come and go from night to night: a list that forgets whom it named yesterday cannot be worked
-- off.
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

-- The few combinations of reasons there are, with the strongest reason that each action answers;
-- place is null for an action that answers none.
combinations as (
    select distinct
        domain,
        theme_1,
        theme_2,
        theme_3
    from customers
),

answers as (
    select
        combinations.*,
        catalogue.action_id,
        case
            when catalogue.themes like '%|' || combinations.theme_1 || '|%' then 1
            when catalogue.themes like '%|' || combinations.theme_2 || '|%' then 2
            when catalogue.themes like '%|' || combinations.theme_3 || '|%' then 3
        end as place
    from combinations
    inner join catalogue on combinations.domain = catalogue.domain
),

answered as (
    select
        customers.customer_number,
        answers.action_id,
        answers.place
    from customers
    inner join answers
        on
            customers.domain = answers.domain
            and customers.theme_1 = answers.theme_1
            and customers.theme_2 is not distinct from answers.theme_2
            and customers.theme_3 is not distinct from answers.theme_3
    where answers.place is not null
),

still_assigned as (
    select
        customers.customer_number,
        answers.action_id,
        answers.place
    from {{ ref('int_churn__assignments_kept') }} as kept
    inner join customers on kept.customer_number = customers.customer_number
    inner join answers
        on
            customers.domain = answers.domain
            and kept.action_id = answers.action_id
            and customers.theme_1 is not distinct from answers.theme_1
            and customers.theme_2 is not distinct from answers.theme_2
            and customers.theme_3 is not distinct from answers.theme_3
    where answers.place is null
),

pairs as (
    select * from answered
    union all
    select * from still_assigned
),

paired as (
    select
        customers.domain,
        customers.customer_number,
        customers.churn_probability,
        catalogue.action_id,
        catalogue.channel,
        pairs.place,
        coalesce(customers.churn_probability >= catalogue.min_probability, true)
        and coalesce(customers.churn_probability <= catalogue.max_probability, true)
        and coalesce(customers.customer_value >= catalogue.min_value, true)
        and coalesce(customers.customer_value <= catalogue.max_value, true) as is_within_bounds,
        coalesce(
            {{ add_days('customers.as_of_date', 'catalogue.lead_days') }} <= customers.due_on, true
        ) as is_in_time,
        100 * customers.leaving_cost * customers.gross_margin as margin_cents,
        catalogue.save_rate,
        catalogue.acceptance,
        catalogue.contact_cents,
        catalogue.incentive_cents
    from pairs
    inner join customers on pairs.customer_number = customers.customer_number
    inner join catalogue
        on
            customers.domain = catalogue.domain
            and pairs.action_id = catalogue.action_id
    left join met
        on
            customers.customer_number = met.customer_number
            and catalogue.condition = met.condition
    where catalogue.condition is null or met.condition is not null
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
