{#- A kind's cohort, and the history (known_as of control__identities) in which the outcome of each
    row shows: that of the customer whom the id belongs to, as known before the day on which the
    outcome is. Rows: those of the cohort, and outcome_as.
    cohort    relation with domain and customer_id, a history
    known_on  SQL of the day on which a row's outcome is known -#}
{% macro cohort_with_outcome(cohort, known_on) -%}
    select
        cohort.*,
        coalesce(identities.known_as, cohort.customer_id) as outcome_as
    from {{ cohort }} as cohort
    left join {{ ref('control__identities') }} as identities
        on
            cohort.domain = identities.domain
            and {{ known_customer('cohort.customer_id') }} = identities.id
            and {{ known_on }} > identities.known_after
            and {{ known_on }} <= identities.known_until
{%- endmacro %}
