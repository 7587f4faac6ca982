-- One row per customer of the scored cohorts whom a rule of the domain's entry leaves alone:
-- contact could prompt a cancellation, or pay for an order that is coming anyway. The first rule
-- that holds.
{%- set matches = [] %}
{%- for domain, entry in built_domains().items() %}
{%- for rule in entry.get('retention', {}).get('leave_alone', []) %}
{%- do matches.append((domain, loop.index, rule)) %}
{%- endfor %}
{%- endfor %}
with

live as (
    select * from {{ ref('int_churn__live_runs_selected') }}
),

matched as (
    {%- for domain, place, rule in matches %}
    select
        examples.domain,
        examples.customer_id,
        {{ place }} as place,
        {{ dbt.string_literal(dbt.escape_single_quotes(rule.name)) }} as rule,
        {{ dbt.string_literal(dbt.escape_single_quotes(rule.because)) }} as because
    from {{ ref(domain ~ '__churn_examples') }} as examples
    inner join live
        on
            examples.domain = live.domain
            and examples.as_of_date = live.as_of_date
    where {{ rule.when }}
    union all
    {%- endfor %}
    select
        cast(null as varchar) as domain,
        cast(null as varchar) as customer_id,
        0 as place,
        cast(null as varchar) as rule,
        cast(null as varchar) as because
    where false
),

final as (
    select
        domain,
        customer_id,
        rule,
        because
    from matched
    qualify
        row_number() over (
            partition by domain, customer_id
            order by place asc
        ) = 1
)

select * from final
