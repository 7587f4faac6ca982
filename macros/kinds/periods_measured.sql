{#- What a change of a membership says, and what it did beside the one before it.
    relation  changes beside what held before them, as the models of the kind walk them -#}
{% macro periods_measured(relation) -%}
    select
        *,
        expires_on < transacted_on as is_expiry_before_transaction,
        coalesce(plan_days = 0, false) as is_zero_plan_days,
        coalesce(amount_paid = 0, false) as is_zero_paid,
        -- an expiry of 1970 is not one to measure a gap from
        case
            when not is_cancel and not is_change and not is_previous_expiry_ancient
                then {{ days_between('previous_expires_on', 'transacted_on') }}
        end as renewal_gap_days,
        coalesce(
            transacted_on = previous_transacted_on
            and expires_on = previous_expires_on
            and plan_days is not distinct from previous_plan_days
            and payment_method is not distinct from previous_payment_method
            and is_auto_renew = previous_is_auto_renew
            and is_cancel = previous_is_cancel
            and is_change = previous_is_change
            and amount_paid is not distinct from previous_amount_paid
            and list_price is not distinct from previous_list_price,
            false
        ) as is_duplicate
    from {{ relation }}
{%- endmacro %}
