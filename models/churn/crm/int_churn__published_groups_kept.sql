-- One row per customer whose CRM row keeps the reasons that were published: each of them still
-- raises the risk by a quarter of what makes it more than weak (.2 log-odds), and none that is
-- missing does so by three times as much; of four or more, by twice as much as the weakest that was
-- published.
-- Which of two reasons is a little stronger is no news.
with

published as (
    select * from {{ ref('stg_churn__published_actions') }}
    where not is_deleted
),

listed as (
    {%- for place in [1, 2, 3] %}
    select
        domain,
        customer_id,
        driver_group_{{ place }} as group_title
    from published
    where driver_group_{{ place }} is not null
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
),

reasons as (
    select
        domain,
        customer_id,
        group_title,
        contribution_log_odds
    from {{ ref('fct_churn_reasons') }}
    where
        direction = 'raises'
        and theme is not null
        and not is_typical
),

-- what was published of each customer, as it is today
holding as (
    select
        listed.domain,
        listed.customer_id,
        count(*) as listed_groups,
        count(case when reasons.contribution_log_odds >= 0.2 / 4 then 1 end) as held_groups,
        min(reasons.contribution_log_odds) as weakest
    from listed
    left join reasons
        on
            listed.domain = reasons.domain
            and listed.customer_id = reasons.customer_id
            and listed.group_title = reasons.group_title
    group by all
),

loudest as (
    select
        reasons.domain,
        reasons.customer_id,
        max(reasons.contribution_log_odds) as contribution_log_odds
    from reasons
    left join listed
        on
            reasons.domain = listed.domain
            and reasons.customer_id = listed.customer_id
            and reasons.group_title = listed.group_title
    where listed.group_title is null
    group by all
),

final as (
    select
        published.domain,
        published.customer_id,
        published.driver_group_1,
        published.driver_group_2,
        published.driver_group_3
    from published
    left join holding
        on
            published.domain = holding.domain
            and published.customer_id = holding.customer_id
    left join loudest
        on
            published.domain = loudest.domain
            and published.customer_id = loudest.customer_id
    where
        coalesce(holding.listed_groups = holding.held_groups, true)
        and coalesce(loudest.contribution_log_odds, 0) < case
            when holding.listed_groups = 3 then 2 * holding.weakest
            else 3 * 0.2
        end
)

select * from final
