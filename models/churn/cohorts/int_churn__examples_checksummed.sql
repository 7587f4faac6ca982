-- One row per domain and cut-off: a checksum over whole rows of examples, outcome left out, so that
-- scores can be tied to the rows they were made from.
{%- for domain in built_domains() %}
{{ examples_checksummed(domain) }}
{%- if not loop.last %}
union all
{%- endif %}
{%- endfor %}
