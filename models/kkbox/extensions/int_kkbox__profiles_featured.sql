-- One row per member and cut-off: the profile__ features. They rest on a snapshot taken after every
-- cut-off, so they are off in training unless assumed static by name; see the mart's YAML.
with

cohort as (
    select
        domain,
        customer_id,
        as_of_date
    from {{ ref('int_subscription__cohorts_narrowed') }}
    where domain = 'kkbox'
),

members as (
    select * from {{ ref('stg_kkbox__members') }}
),

featured as (
    select
        cohort.domain,
        cohort.customer_id,
        cohort.as_of_date,
        members.customer_id is not null as profile__exists,
        case
            when members.registered_on < cohort.as_of_date
                then {{ days_between('members.registered_on', 'cohort.as_of_date') }}
        end as profile__days_since_registration,
        case when not members.is_age_implausible then cast(members.age_years as bigint) end
            as profile__age_years,
        members.gender = 'female' as profile__is_female,
        members.city_id = 1 as profile__is_city_1,
        {% for channel in [3, 4, 7, 9] -%}
        members.registration_channel_id = {{ channel }} as profile__is_channel_{{ channel }}
        {%- if not loop.last %},{% endif %}
        {% endfor %}
    from cohort
    left join members on cohort.customer_id = members.customer_id
)

select * from featured
