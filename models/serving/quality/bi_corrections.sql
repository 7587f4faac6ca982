-- One row per domain, correction of the raw rows and test of it: what it changes, what it gains,
-- and whether features rest on it now.
with

tests as (
    select * from {{ ref('stg_churn__correction_tests') }}
),

decisions as (
    select * from {{ ref('stg_churn__correction_decisions') }}
),

adopted as (
    {% for domain, entry in built_domains().items() -%}
    {% for name in entry.get('corrections') or [] -%}
    select
        '{{ domain }}' as domain,
        '{{ name }}' as name
    union all
    {% endfor -%}
    {% endfor -%}
    select
        cast(null as varchar) as domain,
        cast(null as varchar) as name
),

last_decisions as (
    select
        domain,
        name,
        max_by(accepted_because, decided_at) filter (where decision = 'adopted')
            as accepted_because
    from decisions
    group by all
),

final as (
    select
        tests.domain,
        tests.name,
        tests.hypothesis,
        tests.rows_touched,
        tests.customers_touched,
        tests.origins,
        tests.gain,
        tests.ci_low,
        tests.ci_high,
        tests.p_value,
        tests.worst_origin,
        tests.worst_origin_gain,
        tests.touched_gain,
        tests.touched_ci_low,
        tests.touched_ci_high,
        tests.calibration_gain,
        tests.calibration_ci_low,
        tests.calibration_ci_high,
        tests.flag_gain,
        tests.flag_ci_low,
        tests.flag_ci_high,
        tests.beyond_flag_gain,
        tests.beyond_flag_ci_low,
        tests.beyond_flag_ci_high,
        tests.flag_beyond_gain,
        tests.flag_beyond_ci_low,
        tests.flag_beyond_ci_high,
        tests.placebo_gain,
        tests.placebo_ci_low,
        tests.placebo_ci_high,
        tests.verdict,
        tests.tested_at,
        tests.sql_hash,
        tests.tested_at = max(tests.tested_at) over (partition by tests.domain, tests.name)
            as is_latest,
        adopted.name is not null as is_adopted,
        case when adopted.name is not null then last_decisions.accepted_because end
            as accepted_because
    from tests
    left join adopted
        on
            tests.domain = adopted.domain
            and tests.name = adopted.name
    left join last_decisions
        on
            tests.domain = last_decisions.domain
            and tests.name = last_decisions.name
)

select * from final
