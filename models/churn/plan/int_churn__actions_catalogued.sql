-- One row per action of the catalogue: rates as the means of their Betas, money in cents.
with

catalogue as (
    select * from {{ ref('retention_actions') }}
),

final as (
    select
        domain,
        action_id,
        '|' || themes || '|' as themes,
        condition,
        channel,
        title,
        message_hint,
        cast(contact_cost * 100 as bigint) as contact_cents,
        cast(incentive_cost * 100 as bigint) as incentive_cents,
        save_alpha / (save_alpha + save_beta) as save_rate,
        accept_alpha / (accept_alpha + accept_beta) as acceptance,
        lead_days,
        cool_down_days,
        min_probability,
        max_probability,
        min_value,
        max_value,
        is_active,
        case
            when measured_customers is null then 'assumed'
            else 'measured, n = ' || {{ dbt.cast('measured_customers', dbt.type_string()) }}
        end as evidence,
        case when measured_customers is null then 'assumed' else 'measured' end as evidence_code,
        priors_source
    from catalogue
)

select * from final
