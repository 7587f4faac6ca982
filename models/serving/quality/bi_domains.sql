-- One row per domain: what churn means there, in which money, and what the live run was set to.
with

domains as (
    {%- for domain in var('churn_domains') %}
    select
        '{{ domain }}' as domain,
        {%- for key in [
            'title', 'population', 'not_scored', 'outcome', 'horizon', 'currency', 'value_definition'
        ] %}
        {{ dbt.string_literal(dbt.escape_single_quotes(domain_setting(domain, key))) }}
            as {{ key }},
        {%- endfor %}
        {%- for key in ['usage', 'transactions'] %}
        '{{ domain_setting(domain, 'activity')[key] }}' as {{ key }}_meaning,
        {%- endfor %}
        {%- set entry = var('churn_domains')[domain] %}
        {{ dbt.string_literal(dbt.escape_single_quotes(
            entry.get('outcome_title', 'Left').format(**entry)
        )) }} as outcome_title,
        {{ dbt.string_literal(dbt.escape_single_quotes(
            domain_setting(domain, 'risk_bands').because
        )) }} as bands_because,
        cast({{ domain_setting(domain, 'gross_margin') }} as double) as gross_margin
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

days as (
    select * from {{ ref('int_churn__test_days_picked') }}
),

final as (
    select
        domains.domain,
        domains.title,
        domains.population,
        domains.not_scored,
        domains.outcome,
        domains.horizon,
        domains.currency,
        domains.gross_margin,
        domains.value_definition,
        domains.usage_meaning,
        domains.transactions_meaning,
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
        live.scored_at,
        live.last_test_as_of_date,
        live.test_cut_offs,
        days.test_as_of_date as nearest_test_as_of_date,
        days.is_measured as is_scored_day_measured,
        domains.bands_because,
        domains.outcome_title
    from domains
    left join live on domains.domain = live.domain
    left join days
        on
            live.domain = days.domain
            and {{ day_of_month('live.as_of_date') }} = days.day_of_month
)

select * from final
