-- One row per launched campaign: its members, messages and money, and what it changed.
with

campaigns as (
    select * from {{ ref('stg_churn__campaigns') }}
),

followed as (
    select * from {{ ref('int_churn__campaign_members_followed') }}
),

domains as (
    select * from {{ ref('int_churn__plan_settings_resolved') }}
),

summed as (
    select
        campaign_id,
        count(*) as customers,
        count(case when arm = 'treat' then 1 end) as treat,
        count(case when arm = 'control' then 1 end) as control,
        count(message_state) as messages,
        count(case when message_state = 'delivered' then 1 end) as delivered,
        count(case when message_state = 'pending' then 1 end) as pending,
        count(case when message_state in ('dead', 'withheld', 'stopped') then 1 end) as not_sent,
        cast(coalesce(sum(
            case when arm = 'treat' and not is_cooling then spend_cents end
        ), 0) as double) / 100 as expected_spend,
        cast(coalesce(sum(
            case when arm = 'treat' and not is_cooling then profit_cents end
        ), 0) as double) / 100 as expected_profit,
        -- an offer is paid for by those who take it: what was planned for whom was reached
        cast(coalesce(sum(case when is_delivered then spend_cents end), 0) as double) / 100
            as spend,
        count(is_churned) as outcomes_known,
        max(closes_on) as closes_on
    from followed
    group by campaign_id
),

stayed as (
    select * from {{ ref('fct_campaign_lift') }}
    where slice = 'all' and measure = 'stayed'
),

revenue as (
    select * from {{ ref('fct_campaign_lift') }}
    where slice = 'all' and measure = 'revenue'
),

cohorts as (
    select
        subject as campaign_id,
        customers_scored
    from {{ ref('int_churn__experiment_cohorts_counted') }}
    where kind = 'campaign'
),

early_signs as (
    select * from {{ ref('fct_campaign_early_sign') }}
),

final as (
    select
        campaigns.domain,
        campaigns.campaign_id,
        campaigns.campaign_name,
        campaigns.campaign_status,
        campaigns.as_of_date,
        cast(campaigns.launched_at as date) as launched_on,
        campaigns.destination,
        summed.customers,
        summed.treat as customers_treated,
        summed.control as customers_control,
        summed.messages,
        summed.delivered,
        summed.pending,
        summed.not_sent,
        cast(campaigns.budget_cents as double) / 100 as budget,
        summed.expected_spend,
        summed.expected_profit,
        summed.spend,
        summed.outcomes_known,
        summed.closes_on,
        stayed.verdict as verdict_code,
        verdicts.title as verdict,
        stayed.failed_check,
        stayed.effect,
        stayed.ci_low,
        stayed.ci_high,
        stayed.effect * summed.treat as customers_kept,
        stayed.ci_low * summed.treat as customers_kept_low,
        stayed.ci_high * summed.treat as customers_kept_high,
        revenue.effect * summed.treat as incremental_revenue,
        revenue.ci_low * summed.treat as incremental_revenue_low,
        revenue.ci_high * summed.treat as incremental_revenue_high,
        domains.gross_margin * revenue.effect * summed.treat - summed.spend as incremental_profit,
        domains.gross_margin * revenue.ci_low * summed.treat - summed.spend
            as incremental_profit_low,
        domains.gross_margin * revenue.ci_high * summed.treat - summed.spend
            as incremental_profit_high,
        cohorts.customers_scored,
        {{ over_all_scored('summed.treat', 'cohorts.customers_scored') }} as coverage,
        {{ over_all_scored('stayed.effect * summed.treat', 'cohorts.customers_scored') }}
            as global_lift,
        {{ over_all_scored('stayed.ci_low * summed.treat', 'cohorts.customers_scored') }}
            as global_lift_low,
        {{ over_all_scored('stayed.ci_high * summed.treat', 'cohorts.customers_scored') }}
            as global_lift_high,
        early_signs.early_on as early_sign_on,
        early_signs.score_change as early_sign,
        early_signs.ci_low as early_sign_low,
        early_signs.ci_high as early_sign_high
    from campaigns
    inner join summed on campaigns.campaign_id = summed.campaign_id
    inner join domains on campaigns.domain = domains.domain
    left join stayed on campaigns.campaign_id = stayed.campaign_id
    left join revenue on campaigns.campaign_id = revenue.campaign_id
    left join cohorts on campaigns.campaign_id = cohorts.campaign_id
    left join early_signs on campaigns.campaign_id = early_signs.campaign_id
    left join {{ ref('codes') }} as verdicts
        on
            verdicts.kind = 'verdict'
            and stayed.verdict = verdicts.code
)

select * from final
