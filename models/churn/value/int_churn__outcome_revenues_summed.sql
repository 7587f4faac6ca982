{{ config(materialized='table') }}
-- One row per domain, closed cohort, value band, outcome and 30 days after the cut-off: what these
-- customers were valued at and what they then paid, in cents. Only 30 days that are known to their
-- end; the first cohort of a month stands for the month.
with

horizons as (
    {%- for domain in built_domains() %}
    select
        '{{ domain }}' as domain,
        {{ value_days(domain) }} as value_days
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

revenue_days as (
    select * from {{ ref('int_churn__revenue_days_unioned') }}
),

months as (
    select
        domain,
        min(as_of_date) as as_of_date
    from {{ ref('control__cut_offs') }}
    where is_on_grid
    group by domain, date_trunc('month', as_of_date)
),

cohorts as (
    select
        examples.domain,
        examples.customer_id,
        examples.as_of_date,
        examples.is_churned,
        {{ value_band('examples.customer_value', 'bands') }} as value_band,
        cast(round(100 * examples.customer_value) as bigint) as value_cents
    from {{ ref('int_churn__examples_unioned') }} as examples
    inner join months
        on
            examples.domain = months.domain
            and examples.as_of_date = months.as_of_date
    inner join {{ ref('int_churn__value_bands_cut') }} as bands
        on
            examples.domain = bands.domain
            and examples.as_of_date = bands.as_of_date
    where
        examples.is_churned is not null
        and examples.customer_value is not null
),

groups as (
    select
        domain,
        as_of_date,
        value_band,
        is_churned,
        count(*) as customers,
        cast(sum(value_cents) as bigint) as value_cents
    from cohorts
    group by all
),

closing as (
    select
        domain,
        as_of_date,
        max(label_known_on) as label_known_on
    from {{ ref('int_churn__examples_unioned') }}
    group by all
),

steps as (
    {{ number_series(1, 12, 'step') }}
),

measured as (
    select
        groups.*,
        steps.step,
        closing.label_known_on,
        {{ add_days('groups.as_of_date', '30 * steps.step') }} as step_known_on
    from groups
    inner join horizons on groups.domain = horizons.domain
    inner join steps on horizons.value_days >= 30 * steps.step
    inner join closing
        on
            groups.domain = closing.domain
            and groups.as_of_date = closing.as_of_date
    inner join {{ ref('control__knowledge') }} as knowledge
        on
            groups.domain = knowledge.domain
            and knowledge.known_before >= {{ add_days('groups.as_of_date', '30 * steps.step') }}
),

paid as (
    select
        cohorts.domain,
        cohorts.as_of_date,
        cohorts.value_band,
        cohorts.is_churned,
        1 + {{ days_between('cohorts.as_of_date', 'revenue_days.booked_on') }} // 30 as step,
        cast(sum(revenue_days.amount_cents) as bigint) as revenue_cents
    from cohorts
    inner join horizons on cohorts.domain = horizons.domain
    inner join revenue_days
        on
            cohorts.domain = revenue_days.domain
            and cohorts.customer_id = revenue_days.customer_id
            and cohorts.as_of_date <= revenue_days.booked_on
            and {{ add_days('cohorts.as_of_date', 'horizons.value_days') }}
            > revenue_days.booked_on
    group by all
),

final as (
    select
        measured.domain,
        measured.as_of_date,
        measured.value_band,
        measured.is_churned,
        measured.step,
        measured.label_known_on,
        measured.step_known_on,
        measured.customers,
        measured.value_cents,
        coalesce(paid.revenue_cents, 0) as revenue_cents
    from measured
    left join paid
        on
            measured.domain = paid.domain
            and measured.as_of_date = paid.as_of_date
            and measured.value_band = paid.value_band
            and measured.is_churned = paid.is_churned
            and measured.step = paid.step
)

select * from final
