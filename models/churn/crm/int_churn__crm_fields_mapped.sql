-- One row per domain and customer, in domains whose entry has crm_fields: the columns of their own
-- that a CRM needs beside the row, such as its own id or an address, as JSON under the CRM's names.
-- If a customer has several rows there, one of them, the same every time.
with

mapped as (
    {%- set found = [] %}
    {%- for domain, entry in built_domains().items() if entry.get('crm_fields') %}
    {%- do found.append(domain) %}
    {%- if not loop.first %}
    union all
    {%- endif %}
    {%- set columns = {} %}
    {%- for column, name in entry.crm_fields.columns.items() %}
    {%- do columns.update({name: column}) %}
    {%- endfor %}
    select
        '{{ domain }}' as domain,
        customer_id,
        {{ json_of(columns) }} as crm_fields
    from {{ ref('stg_' ~ domain ~ '__' ~ entry.crm_fields.source) }}
    where customer_id is not null
    {%- endfor %}
    {%- if not found %}
    select
        cast(null as varchar) as domain,
        cast(null as varchar) as customer_id,
        cast(null as varchar) as crm_fields
    where false
    {%- endif %}
),

final as (
    select
        domain,
        customer_id,
        max(crm_fields) as crm_fields
    from mapped
    group by all
)

select * from final
