{#- Whose id an id is, over all cut-offs. A row of the map counts at a cut-off D when its known_from
    is before D; the latest such row of an id holds. Chains are followed up to four steps. An id
    that names itself is a customer again. Rows that name two customers for one id on one day say
    nothing, and an id whose chain is a circle or longer belongs to itself.

    A customer of several ids has another history from the day on which a mapping is known, and
    earlier cut-offs keep the earlier one. So staging hands every event to each history that it is
    part of. A history is known_as: the customer's own id while no other belongs to it, and else the
    id and the day since when it holds.
    Rows: id, customer_id, known_as, known_after, known_until: they hold at cut-offs D with
    known_after < D <= known_until.
    map  relation with id, customer_id, known_from -#}
{% macro identities_resolved(map) -%}
{%- set steps = 4 -%}
{%- set always = "date '0001-01-01'" -%}
{%- set ever = "date '9999-12-31'" -%}
with

mapped as (
    select
        id,
        known_from,
        min(customer_id) as first_customer_id,
        max(customer_id) as last_customer_id
    from {{ map }}
    group by id, known_from
),

said as (
    select
        id,
        known_from,
        first_customer_id as customer_id
    from mapped
    where first_customer_id = last_customer_id
),

owners as (
    select
        id,
        customer_id,
        known_from as known_after,
        coalesce(lead(known_from) over (partition by id order by known_from), {{ ever }})
            as known_until
    from said
    union all
    select
        id,
        id as customer_id,
        {{ always }} as known_after,
        min(known_from) as known_until
    from said
    group by id
),

ids as (
    select id from said
    union distinct
    select customer_id as id from said
),

step_0 as (
    select
        id,
        id as customer_id,
        id as customer_before,
        {{ always }} as known_after,
        {{ ever }} as known_until
    from ids
),

{% for step in range(1, steps + 2) -%}
step_{{ step }} as (
    select
        before.id,
        coalesce(owners.customer_id, before.customer_id) as customer_id,
        before.customer_id as customer_before,
        greatest(before.known_after, coalesce(owners.known_after, before.known_after))
            as known_after,
        least(before.known_until, coalesce(owners.known_until, before.known_until))
            as known_until
    from step_{{ step - 1 }} as before
    left join owners
        on
            before.customer_id = owners.id
            and before.known_after < owners.known_until
            and before.known_until > owners.known_after
),

{% endfor -%}
resolved as (
    select
        id,
        case when customer_id = customer_before then customer_id else id end as customer_id,
        known_after,
        known_until
    from step_{{ steps + 1 }}
),

days as (
    select
        customer_id,
        known_after as day
    from resolved
    union distinct
    select
        customer_id,
        known_until as day
    from resolved
),

spans as (
    select
        customer_id,
        day as known_after,
        lead(day) over (partition by customer_id order by day) as known_until
    from days
),

held as (
    select
        resolved.id,
        spans.customer_id,
        spans.known_after,
        spans.known_until,
        count(*) over (partition by spans.customer_id, spans.known_after) as ids
    from spans
    inner join resolved
        on
            spans.customer_id = resolved.customer_id
            and spans.known_after >= resolved.known_after
            and spans.known_until <= resolved.known_until
),

final as (
    select
        id,
        customer_id,
        case
            when ids = 1 then customer_id
            else
                customer_id || {{ known_since() }}
                || {{ dbt.cast('known_after', dbt.type_string()) }}
        end as known_as,
        known_after,
        known_until
    from held
)

select * from final
{%- endmacro %}
