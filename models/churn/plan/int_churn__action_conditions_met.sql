-- One row per customer that may be contacted and condition of the domain's entry that holds for it:
-- an action with a condition is offered to these customers alone, since an offer to turn auto-renew
-- on is none for who has it on.
{%- set matches = [] %}
{%- for domain, entry in built_domains().items() %}
{%- for name, condition in entry.get('retention', {}).get('conditions', {}).items() %}
{%- do matches.append((domain, name, condition)) %}
{%- endfor %}
{%- endfor %}
with

customers as (
    select
        domain,
        customer_id,
        customer_number,
        as_of_date
    from {{ ref('int_churn__contact_eligibility_checked') }}
    where exclusion is null
),

final as (
    {%- for domain, name, condition in matches %}
    select
        customers.customer_number,
        {{ dbt.string_literal(dbt.escape_single_quotes(name)) }} as condition
    from {{ ref(domain ~ '__churn_examples') }} as examples
    inner join customers
        on
            examples.domain = customers.domain
            and examples.customer_id = customers.customer_id
            and examples.as_of_date = customers.as_of_date
    where {{ condition }}
    union all
    {%- endfor %}
    select
        cast(null as bigint) as customer_number,
        cast(null as varchar) as condition
    where false
)

select * from final
