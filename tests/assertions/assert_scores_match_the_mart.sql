-- Catches scores made from other feature rows than the mart holds now, and customers of the scored
-- cohort without a score or with one too many.
with

scores as (
    select
        domain,
        as_of_date,
        feature_checksum,
        count(*) as score_rows
    from {{ ref('fct_churn_scores') }}
    where is_live
    group by all
),

examples as (
    {%- for domain in built_domains() %}
    {{ examples_checksummed(
        domain, only="(select max(as_of_date) from scores where domain = '" ~ domain ~ "')"
    ) }}
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}
)

select
    scores.domain,
    scores.as_of_date,
    scores.score_rows,
    examples.example_rows,
    scores.feature_checksum,
    examples.feature_checksum as checksum_now
from scores
left join examples
    on
        scores.domain = examples.domain
        and scores.as_of_date = examples.as_of_date
where
    examples.example_rows is distinct from scores.score_rows
    or {{ dbt.cast('examples.feature_checksum', dbt.type_string()) }}
    is distinct from scores.feature_checksum
