-- One row per domain: which generation this file is, and in which one the domain's rows were
-- published. Publishing fills it in.
with

domains as (
    {%- for domain in var('churn_domains') %}
    select '{{ domain }}' as domain
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

final as (
    select
        domains.domain,
        cast(null as varchar) as generation,
        cast(null as timestamp) as published_at,
        cast(null as varchar) as rows_of_generation,
        cast(null as timestamp) as rows_published_at,
        live.as_of_date,
        live.run_id
    from domains
    left join live on domains.domain = live.domain
)

select * from final
