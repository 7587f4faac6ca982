-- One row per customer of a control group of the period whose planned spend is not spent on others:
-- scored still, not suppressed, and not contacted all the same, which is charged as a contact.
with

kept as (
    select * from {{ ref('int_churn__assignments_kept') }}
    where is_held_out
),

customers as (
    select * from {{ ref('int_churn__contact_eligibility_checked') }}
),

catalogue as (
    select * from {{ ref('int_churn__actions_catalogued') }}
),

contacted as (
    select distinct
        domain,
        customer_id
    from {{ ref('int_churn__contacts_charged') }}
),

final as (
    select
        kept.domain,
        kept.customer_number,
        catalogue.channel,
        kept.planned_spend_cents
    from kept
    inner join customers on kept.customer_number = customers.customer_number
    left join catalogue
        on
            kept.domain = catalogue.domain
            and kept.action_id = catalogue.action_id
    left join contacted
        on
            customers.domain = contacted.domain
            and customers.customer_id = contacted.customer_id
    where contacted.customer_id is null
)

select * from final
