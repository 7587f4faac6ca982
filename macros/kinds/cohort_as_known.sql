{#- The rows of a kind's cohort whose history (known_as of control__identities) holds at their
    cut-off: who had become another customer's id is not one of the cohort, and a customer is there
    once.
    cohort  relation with domain, customer_id, a history, and as_of_date -#}
{% macro cohort_as_known(cohort) -%}
    with

    spans as (
        select distinct
            domain,
            known_as,
            known_after,
            known_until
        from {{ ref('control__identities') }}
    ),

    named as (
        select distinct
            domain,
            known_as
        from spans
    )

    select {{ cohort }}.*
    from {{ cohort }}
    left join named
        on
            {{ cohort }}.domain = named.domain
            and {{ cohort }}.customer_id = named.known_as
    left join spans
        on
            {{ cohort }}.domain = spans.domain
            and {{ cohort }}.customer_id = spans.known_as
            and {{ cohort }}.as_of_date > spans.known_after
            and {{ cohort }}.as_of_date <= spans.known_until
    where
        named.known_as is null
        or spans.known_as is not null
{%- endmacro %}
