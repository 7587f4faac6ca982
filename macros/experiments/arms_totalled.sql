{#- One row per experiment, stratum and arm: what its customers did, as assigned.
    assignments  of experiment, customer_id, arm, stratum; a customer once per experiment
    outcomes     of experiment, customer_id, outcome (0 or 1), revenue_units (whole units, or
                 null); any number of rows per customer, none for those without an outcome -#}
{% macro arms_totalled(assignments, outcomes) -%}
    with

    happened as (
        select
            experiment,
            customer_id,
            max(outcome) as outcome,
            -- decimals, so that a square does not overflow and a sum does not round
            cast(coalesce(sum(revenue_units), 0) as decimal(18, 0)) as revenue_units
        from {{ outcomes }}
        group by experiment, customer_id
    )

    select
        assigned.experiment,
        assigned.stratum,
        assigned.arm,
        count(*) as customers,
        coalesce(sum(happened.outcome), 0) as converted,
        coalesce(sum(happened.revenue_units), 0) as revenue_units,
        coalesce(sum(happened.revenue_units * happened.revenue_units), 0) as revenue_squares
    from {{ assignments }} as assigned
    left join happened
        on
            assigned.experiment = happened.experiment
            and assigned.customer_id = happened.customer_id
    group by assigned.experiment, assigned.stratum, assigned.arm
{%- endmacro %}
