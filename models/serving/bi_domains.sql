-- One row per domain: what churn means there, in which money, and what the live run was set to.
with

domains as (
    {%- for domain, entry in var('churn_domains').items() %}
    select
        '{{ domain }}' as domain,
        {{ dbt.string_literal(entry.title) }} as title,
        {{ dbt.string_literal(dbt.escape_single_quotes(entry.population)) }} as population,
        {{ dbt.string_literal(dbt.escape_single_quotes(entry.outcome)) }} as outcome,
        {{ dbt.string_literal(dbt.escape_single_quotes(entry.horizon)) }} as horizon,
        {{ dbt.string_literal(entry.currency) }} as currency,
        cast({{ entry.gross_margin }} as double) as gross_margin,
        {{ dbt.string_literal(dbt.escape_single_quotes(entry.value_definition)) }}
            as value_definition
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

live as (
    select * from {{ ref('int_churn__runs_live') }}
),

final as (
    select
        domains.domain,
        domains.title,
        domains.population,
        domains.outcome,
        domains.horizon,
        domains.currency,
        domains.gross_margin,
        domains.value_definition,
        live.label_definition,
        live.run_id,
        live.as_of_date,
        live.trained_until,
        live.test_as_of_date,
        live.calibration,
        live.base_log_odds,
        live.band_critical,
        live.band_high,
        live.band_medium,
        live.model_hash,
        live.label_checksum,
        live.feature_sql_hash,
        live.settings as live_settings,
        live.trained_at,
        live.scored_at
    from domains
    left join live on domains.domain = live.domain
)

select * from final
