-- One row per domain: what its plan may spend, in which period, and how much of it is held out. A
-- saved plan stands above dbt_project.yml, and may be for a part of the customers or actions alone.
-- The scored cut-off decides which period it is.
with

entries as (
    {%- for domain, entry in var('churn_domains').items() %}
    {%- set retention = entry.get('retention', {}) %}
    {%- set holdout = retention.get('holdout', 'auto') %}
    select
        '{{ domain }}' as domain,
        cast(round(100 * {{ retention.get('budget', 0) }}) as bigint) as budget_cents,
        cast({{ 'null' if holdout == 'auto' else 'round(1000 * ' ~ holdout ~ ')' }} as bigint)
            as holdout_per_mille,
        '{{ retention.get('holdout_salt', 'first') }}' as holdout_salt,
        cast({{ retention.get('cool_down_days', 14) }} as integer) as cool_down_days,
        cast({{ domain_setting(domain, 'gross_margin') }} as double) as gross_margin,
        cast('{{ retention.get('period_start', '2000-01-03') }}' as date) as first_period_start,
        cast({{ period_days(entry) }} as integer) as period_days
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

saved as (
    select * from {{ ref('stg_churn__saved_plans') }}
),

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

-- The period that the cut-off is in; a cut-off may be before the first one that is named.
periods as (
    select
        entries.domain,
        {{ add_days(
            'entries.first_period_start',
            'entries.period_days * floor('
            ~ days_between('entries.first_period_start', 'live.as_of_date')
            ~ ' / cast(entries.period_days as double))'
        ) }} as period_start
    from entries
    inner join live on entries.domain = live.domain
),

final as (
    select
        entries.domain,
        coalesce(saved.budget_cents, entries.budget_cents) as budget_cents,
        case
            when saved.domain is null then entries.holdout_per_mille
            else saved.holdout_per_mille
        end as holdout_per_mille,
        entries.holdout_salt,
        entries.cool_down_days,
        entries.gross_margin,
        periods.period_start,
        {{ add_days('periods.period_start', 'entries.period_days') }} as period_end,
        saved.bands,
        saved.themes,
        saved.parts,
        saved.min_probability,
        saved.max_probability,
        saved.min_value,
        saved.due_from,
        saved.due_to,
        saved.is_at_risk,
        saved.already_cancelled,
        saved.actions,
        saved.channels,
        saved.draft_id
    from entries
    left join saved on entries.domain = saved.domain
    left join periods on entries.domain = periods.domain
)

select * from final
