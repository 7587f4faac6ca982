{{ config(materialized='table') }}
-- One row per domain and action that campaigns have measured: of 100 who would leave, how many the
-- action keeps. The posterior of the save rate on a grid: who leaves of those to contact are a
-- share of who leaves of the control group, 1 less the save rate, in every campaign and stratum;
-- the control's share is integrated out, and the catalogue's Beta is the prior. Everybody counts as
-- assigned, so a message that did not arrive lowers the rate as it does the profit.
{%- set steps = 200 %}
{%- set shares = 61 %}
with

experiments as (
    select * from {{ ref('int_churn__experiments_defined') }}
    where
        kind = 'campaign'
        and slice = 'action'
        and is_closed
),

comparable as (
    select
        domain,
        campaign_id
    from {{ ref('fct_campaign_lift') }}
    where
        slice = 'all'
        and measure = 'stayed'
        and verdict not in ('not_comparable', 'no_control')
),

catalogue as (
    select * from {{ ref('retention_actions') }}
),

arms as (
    select
        experiments.domain,
        experiments.part as action_id,
        totals.experiment,
        totals.stratum,
        sum(case when totals.arm = 'treat' then totals.customers end) as treated,
        sum(case when totals.arm = 'treat' then totals.customers - totals.converted end)
            as treated_left,
        sum(case when totals.arm = 'control' then totals.customers end) as controls,
        sum(case when totals.arm = 'control' then totals.customers - totals.converted end)
            as controls_left
    from {{ ref('int_churn__experiment_arms_totalled') }} as totals
    inner join experiments on totals.experiment = experiments.experiment
    inner join comparable
        on
            experiments.domain = comparable.domain
            and experiments.subject = comparable.campaign_id
    group by all
),

-- one arm alone says nothing about the action
paired as (
    select
        *,
        -- a share that was never seen is not impossible (Agresti and Coull 1998)
        cast(controls_left + 2 as double) / (controls + 4) as share,
        sqrt(
            cast(controls_left + 2 as double) * (controls - controls_left + 2)
            / power(controls + 4, 3)
        ) as share_error
    from arms
    where
        treated > 0
        and controls > 0
),

save_rates as (
    select
        step,
        (step - 0.5) / {{ steps }} as save_rate
    from (
        {{ number_series(1, steps, 'step') }}
    ) as series
),

places as (
    select
        place,
        12.0 * (place - 1) / {{ shares - 1 }} - 6 as deviations
    from (
        {{ number_series(1, shares, 'place') }}
    ) as series
),

supposed as (
    select
        paired.*,
        save_rates.step,
        save_rates.save_rate,
        least(greatest(paired.share + places.deviations * paired.share_error, 1e-6), 1 - 1e-6)
            as left_alone
    from paired
    cross join save_rates
    cross join places
),

likelihoods as (
    select
        domain,
        action_id,
        experiment,
        stratum,
        step,
        save_rate,
        controls_left * ln(left_alone) + (controls - controls_left) * ln(1 - left_alone)
        + treated_left * ln(left_alone * (1 - save_rate))
        + (treated - treated_left) * ln(1 - left_alone * (1 - save_rate)) as log_likelihood
    from supposed
),

highest as (
    select
        experiment,
        stratum,
        max(log_likelihood) as log_likelihood
    from likelihoods
    group by experiment, stratum
),

marginal as (
    select
        likelihoods.domain,
        likelihoods.action_id,
        likelihoods.step,
        likelihoods.save_rate,
        likelihoods.experiment,
        likelihoods.stratum,
        ln(sum(exp(likelihoods.log_likelihood - highest.log_likelihood)) + 1e-300) as log_likelihood
    from likelihoods
    inner join highest
        on
            likelihoods.experiment = highest.experiment
            and likelihoods.stratum = highest.stratum
    group by all
),

together as (
    select
        marginal.domain,
        marginal.action_id,
        marginal.save_rate,
        sum(marginal.log_likelihood)
        + (max(catalogue.save_alpha) - 1) * ln(marginal.save_rate)
        + (max(catalogue.save_beta) - 1) * ln(1 - marginal.save_rate) as log_posterior
    from marginal
    inner join catalogue
        on
            marginal.domain = catalogue.domain
            and marginal.action_id = catalogue.action_id
    group by marginal.domain, marginal.action_id, marginal.step, marginal.save_rate
),

weighed as (
    select
        domain,
        action_id,
        save_rate,
        exp(log_posterior - max(log_posterior) over (partition by domain, action_id)) as weight
    from together
),

posterior as (
    select
        domain,
        action_id,
        sum(weight * save_rate) / sum(weight) as mean,
        sum(weight * save_rate * save_rate) / sum(weight)
        - power(sum(weight * save_rate) / sum(weight), 2) as variance
    from weighed
    group by domain, action_id
),

counted as (
    select
        domain,
        action_id,
        count(distinct experiment) as campaigns,
        cast(sum(treated + controls) as bigint) as customers
    from paired
    group by domain, action_id
),

final as (
    select
        posterior.domain,
        posterior.action_id,
        -- the same every time, whatever the order of the sums
        round(posterior.mean, 6) as save_rate,
        round(sqrt(greatest(posterior.variance, 0)), 6) as save_rate_error,
        counted.campaigns,
        counted.customers
    from posterior
    inner join counted
        on
            posterior.domain = counted.domain
            and posterior.action_id = counted.action_id
)

select * from final
