-- One row per change of a subscription as the files have it and history that it is part of: what was
-- paid or begun, and until when; a cancellation; or a change of the end or the plan. A refund renews
-- nothing and is a payment alone. What a row does not say is as the rows before it have it.
{%- set walk %}
    transacted_on,
    day_order desc,
    is_cancel,
    is_changing,
    given_expires_on nulls last,
    amount_paid desc nulls last,
    is_auto_renew desc nulls last,
    list_price desc nulls last,
    given_plan_days desc nulls last,
    starts_on nulls last,
    payment_method desc nulls last,
    is_given_trial desc
{%- endset %}
with

source as (
    {{ under_each_history(
        '<< name >>', source('<< name >>', '<< table >>'), '<< customer.name >>'
    ) }}
),

knowledge as (
    select known_before from {{ ref('control__knowledge') }}
    where domain = '<< name >>'
),

renamed as (
    select
        -- ids
        source.known_as as customer_id,
        << method >> as payment_method,

        -- dates
        source.<< day >> as transacted_on,
        << starts >> as starts_on,
        << expires >> as given_expires_on,
        << plan_days >> as given_plan_days,

        -- money, whole units of the currency
        << list_price >> as list_price,
        << amount >> as amount_paid,

        -- flags
        << auto_renew >> as is_auto_renew,
        << cancel >> as is_cancel,
        << change >> as is_changing,
        << trial >> as is_given_trial,

        -- the earlier a row of a day, the higher the text
        << day_order >> as day_order
    from source
    inner join knowledge on source.<< day >> < knowledge.known_before
    where
        {{ in_sample(known_customer('source.known_as')) }}
<% for condition in conditions %>
        and << condition >>
<% endfor %>
),

followed as (
    select
        *,
        {{ days_between('starts_on', 'given_expires_on') }} as paid_days,
        last_value(given_expires_on ignore nulls) over earlier as earlier_expires_on
    from renamed
    window earlier as (
        partition by customer_id
        order by {{ walk }}
        rows between unbounded preceding and 1 preceding
    )
),

-- A change that money is paid for, to a later end, is a renewal.
judged as (
    select
        *,
        coalesce(given_expires_on, earlier_expires_on) as expires_on,
        -- months have 28 to 31 days, and some pay early or late
        coalesce(given_plan_days, case
<% for days, low, high in lengths %>
            when paid_days between << low >> and << high >> then << days >>
<% endfor %>
            else cast(paid_days as integer)
        end) as plan_days,
        is_changing and not coalesce(
            amount_paid > 0 and given_expires_on > earlier_expires_on, false
        ) as is_change
    from followed
),

-- A cancellation or a change speaks of what was paid before.
carried as (
    select
        customer_id,
        transacted_on,
        expires_on,
        last_value(case when not is_cancel and not is_change then plan_days end ignore nulls)
            over so_far as plan_days,
        last_value(list_price ignore nulls) over so_far as list_price,
        last_value(case when not is_cancel and not is_change then amount_paid end ignore nulls)
            over so_far as amount_paid,
        last_value(payment_method ignore nulls) over so_far as payment_method,
        is_auto_renew,
        is_cancel,
        is_change,
        << trial_rule >> and not is_cancel and not is_changing as is_trial,
        -- nobody pays ten years late: such an end is a mark
        {{ days_between('expires_on', 'transacted_on') }} > 3650 as is_expiry_ancient,
        day_order
    from judged
    window so_far as (
        partition by customer_id
        order by {{ walk }}
        rows between unbounded preceding and current row
    )
),

final as (
    select * from carried
    where expires_on is not null
)

select * from final
