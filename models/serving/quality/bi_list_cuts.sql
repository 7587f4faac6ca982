-- One row per domain and cut of the scored list: how many leavers to expect among the riskiest, and
-- how many were there when the test cohort was cut at the same share.
with

scores as (
    select
        *,
        row_number() over (
            partition by domain
            order by churn_probability desc, customer_id asc
        ) as place,
        count(*) over (partition by domain) as customers
    from {{ ref('fct_churn_scores') }}
    where is_live
),

expected as (
    select
        domain,
        run_id,
        as_of_date,
        cast(ceil(100.0 * place / customers) as integer) as percent,
        count(*) as customers,
        sum(churn_probability) as expected_churners,
        min(churn_probability) as lowest_probability
    from scores
    group by all
),

gains as (
    select
        run_id,
        cast(round(100 * depth) as integer) as percent,
        churners / nullif(rows, 0) as precision_on_test
    from {{ ref('stg_churn__gains') }}
    where model = 'lightgbm' and split = 'test'
),

final as (
    select
        expected.domain,
        expected.run_id,
        expected.as_of_date,
        expected.percent,
        cast(sum(expected.customers) over up_to as bigint) as customers,
        expected.lowest_probability,
        sum(expected.expected_churners) over up_to as expected_true_positives,
        sum(expected.customers) over up_to
        - sum(expected.expected_churners) over up_to as expected_false_positives,
        gains.precision_on_test
    from expected
    left join gains
        on
            expected.run_id = gains.run_id
            and expected.percent = gains.percent
    window up_to as (partition by expected.domain order by expected.percent)
)

select * from final
