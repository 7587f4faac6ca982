{#- How many outcomes of each closed cohort the holes with a reason could have turned: customers who
    stayed by what they did on one day only, spread evenly over the days without a hole, times the
    days with one. Rows: domain, label_definition, as_of_date, outcomes_in_doubt; cohorts without
    such a hole have none.
    labels      relation with domain, label_definition, customer_id, as_of_date, label_known_on,
                is_churned
    activities  relation with domain, customer_id and day: what makes a customer stay
    holes       relation with domain and the days of holes that have a reason -#}
{% macro outcomes_doubted(labels, activities, holes) -%}
with

cohorts as (
    select
        domain,
        label_definition,
        as_of_date,
        max(label_known_on) as closes_on
    from {{ labels }}
    where is_churned is not null
    group by domain, label_definition, as_of_date
),

touched as (
    select
        cohorts.domain,
        cohorts.label_definition,
        cohorts.as_of_date,
        {{ days_between('cohorts.as_of_date', 'cohorts.closes_on') }} as outcome_days,
        count(*) as hole_days
    from cohorts
    inner join {{ holes }} as holes
        on
            cohorts.domain = holes.domain
            and cohorts.as_of_date <= holes.day
            and cohorts.closes_on > holes.day
    group by cohorts.domain, cohorts.label_definition, cohorts.as_of_date, cohorts.closes_on
),

stayed as (
    select
        labels.domain,
        labels.label_definition,
        labels.as_of_date,
        labels.customer_id,
        count(distinct activities.day) as active_days
    from {{ labels }} as labels
    inner join touched
        on
            labels.domain = touched.domain
            and labels.label_definition = touched.label_definition
            and labels.as_of_date = touched.as_of_date
    inner join {{ activities }} as activities
        on
            labels.domain = activities.domain
            and labels.customer_id = activities.customer_id
            and labels.as_of_date <= activities.day
            and labels.label_known_on > activities.day
    where not labels.is_churned
    group by labels.domain, labels.label_definition, labels.as_of_date, labels.customer_id
),

final as (
    select
        touched.domain,
        touched.label_definition,
        touched.as_of_date,
        cast(ceil(
            touched.hole_days * count(case when stayed.active_days = 1 then 1 end)
            / greatest(touched.outcome_days - touched.hole_days, 1)
        ) as bigint) as outcomes_in_doubt
    from touched
    left join stayed
        on
            touched.domain = stayed.domain
            and touched.label_definition = stayed.label_definition
            and touched.as_of_date = stayed.as_of_date
    group by
        touched.domain,
        touched.label_definition,
        touched.as_of_date,
        touched.outcome_days,
        touched.hole_days
)

select * from final
{%- endmacro %}
