-- One row per domain: what its plan may spend and how much of it is held out. A saved plan stands
-- above dbt_project.yml.
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
        cast({{ domain_setting(domain, 'gross_margin') }} as double) as gross_margin
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

saved as (
    select * from {{ ref('stg_churn__saved_plans') }}
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
        entries.gross_margin
    from entries
    left join saved on entries.domain = saved.domain
)

select * from final
