{#- The number that DuckDB's md5_number_lower gives, as a decimal, or its first 60 bits: the second
    eight bytes of the md5, the last one first. `digits` of its 16 hexadecimal ones are taken, from
    the left. An engine without that function reads 32 bits at a time. -#}
{% macro md5_part(text, digits) -%}
    {%- set bytes = [] -%}
    {%- for byte in range(15, 7, -1) -%}
        {%- do bytes.append('substr(md5(' ~ text ~ '), ' ~ (2 * byte + 1) ~ ', 2)') -%}
    {%- endfor -%}
    {%- set number = 'concat(' ~ bytes | join(', ') ~ ')' -%}
    (
        cast(conv(substr({{ number }}, 1, {{ digits - 8 }}), 16, 10) as decimal(20, 0))
        * 4294967296
        + cast(conv(substr({{ number }}, {{ digits - 7 }}, 8), 16, 10) as decimal(20, 0))
    )
{%- endmacro %}
