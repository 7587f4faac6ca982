-- One row per domain, segment and part of it: the words that it goes by, and a code that stays when
-- they change.
with

coded as (
    {%- for domain, entry in var('churn_domains').items() %}
    {%- set is_last = loop.last %}
    {%- for segment, words, code in segment_parts(entry) %}
    select
        '{{ domain }}' as domain,
        {{ dbt.string_literal(dbt.escape_single_quotes(segment)) }} as segment,
        {{ dbt.string_literal(dbt.escape_single_quotes(words)) }} as segment_value,
        {{ dbt.string_literal(code) }} as segment_value_code
    {%- if not (loop.last and is_last) %}
    union all
    {%- endif %}
    {%- endfor %}
    {%- endfor %}
)

select * from coded
