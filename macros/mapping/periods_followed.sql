{#- The rows of a file of billing periods as changes of a membership, in the columns of the staged
    shape `periods`: what a row does not say is as the rows before it have it. Its readers declare
    `total_order`: the rows are ordered by every column that is read.

    relation  a CTE with customer_id, transacted_on, starts_on, expires_on (null where a row does
              not say), plan_days (null: counted from the two days), list_price, amount_paid,
              payment_method, is_auto_renew, is_cancel, is_change (it may yet be paid for),
              is_trial, day_order -#}
{% macro periods_followed(relation) -%}
    with

    measured as (
        select
            customer_id,
            transacted_on,
            expires_on,
            {{ days_between('starts_on', 'expires_on') }} as paid_days,
            plan_days,
            list_price,
            amount_paid,
            payment_method,
            is_auto_renew,
            is_cancel,
            is_change,
            is_trial,
            day_order,
            row_number() over earlier as position,
            last_value(expires_on ignore nulls) over earlier as earlier_expires_on
        from {{ relation }}
        window earlier as (
            partition by customer_id
            order by
                transacted_on asc,
                day_order desc,
                is_cancel asc,
                is_change asc,
                expires_on asc nulls last,
                amount_paid desc nulls last,
                is_auto_renew desc nulls last,
                list_price desc nulls last,
                plan_days desc nulls last,
                starts_on asc nulls last,
                payment_method desc nulls last,
                is_trial desc
            rows between unbounded preceding and 1 preceding
        )
    ),

    -- A change that money is paid for, to a later end, is a renewal.
    judged as (
        select
            customer_id,
            position,
            transacted_on,
            coalesce(expires_on, earlier_expires_on) as expires_on,
            -- months have 28 to 31 days, and some pay early or late
            coalesce(plan_days, cast(case
                when paid_days between 5 and 9 then 7
                when paid_days between 12 and 16 then 14
                when paid_days between 25 and 35 then 30
                when paid_days between 55 and 65 then 60
                when paid_days between 84 and 97 then 90
                when paid_days between 175 and 190 then 180
                when paid_days between 350 and 380 then 365
                else paid_days
            end as integer)) as plan_days,
            list_price,
            amount_paid,
            payment_method,
            is_auto_renew,
            is_cancel,
            is_change and not coalesce(
                amount_paid > 0 and expires_on > earlier_expires_on, false
            ) as is_change,
            is_trial and not is_cancel and not is_change as is_trial,
            day_order
        from measured
    ),

    -- A cancellation or a change speaks of what was paid before.
    spoken as (
        select
            *,
            case when not is_cancel and not is_change then plan_days end as own_plan_days,
            case when not is_cancel and not is_change then amount_paid end as own_amount_paid
        from judged
    ),

    carried as (
        select
            customer_id,
            transacted_on,
            expires_on,
            last_value(own_plan_days ignore nulls) over so_far as plan_days,
            last_value(list_price ignore nulls) over so_far as list_price,
            last_value(own_amount_paid ignore nulls) over so_far as amount_paid,
            last_value(payment_method ignore nulls) over so_far as payment_method,
            is_auto_renew,
            is_cancel,
            is_change,
            is_trial,
            -- nobody pays ten years late: such an end is a mark
            {{ days_between('expires_on', 'transacted_on') }} > 3650 as is_expiry_ancient,
            day_order
        from spoken
        window so_far as (
            partition by customer_id
            order by position
            rows between unbounded preceding and current row
        )
    )

    select * from carried
    -- what is cancelled before anything was paid has no end
    where expires_on is not null
{%- endmacro %}
