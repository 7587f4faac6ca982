-- One row per action of the catalogue: rates as the means of their Betas, money in cents. A save
-- rate that campaigns have measured takes the place of the catalogue's, which was its prior.
with

catalogue as (
    select * from {{ ref('retention_actions') }}
),

learned as (
    select * from {{ ref('int_churn__save_rates_learned') }}
),

final as (
    select
        catalogue.domain,
        catalogue.action_id,
        '|' || themes || '|' as themes,
        condition,
        channel,
        title,
        message_hint,
        cast(contact_cost * 100 as bigint) as contact_cents,
        cast(incentive_cost * 100 as bigint) as incentive_cents,
        coalesce(learned.save_rate, save_alpha / (save_alpha + save_beta)) as save_rate,
        accept_alpha / (accept_alpha + accept_beta) as acceptance,
        lead_days,
        cool_down_days,
        min_probability,
        max_probability,
        min_value,
        max_value,
        is_active,
        case
            when learned.customers is not null
                then 'measured, n = ' || {{ dbt.cast('learned.customers', dbt.type_string()) }}
            when measured_customers is null then 'assumed'
            else 'measured, n = ' || {{ dbt.cast('measured_customers', dbt.type_string()) }}
        end as evidence,
        case
            when learned.customers is null and measured_customers is null then 'assumed'
            else 'measured'
        end as evidence_code,
        case
            when learned.campaigns is null then priors_source
            else
                {{ dbt.cast('learned.campaigns', dbt.type_string()) }}
                || case when learned.campaigns = 1 then ' campaign' else ' campaigns' end
                || ' with control groups; before them: ' || priors_source
        end as priors_source,
        save_alpha / (save_alpha + save_beta) as assumed_save_rate,
        learned.save_rate_error
    from catalogue
    left join learned
        on
            catalogue.domain = learned.domain
            and catalogue.action_id = learned.action_id
)

select * from final
