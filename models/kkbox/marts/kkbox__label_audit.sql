{{ config(materialized='table') }}
-- One row per supplied cohort and derived definition: how far the derived labels agree with the
-- ones that came with the files, and how much of the cohort the comparison covers.
with

labels as (
    select * from {{ ref('kkbox__labels') }}
),

supplied as (
    select * from labels
    where label_definition = 'supplied'
),

derived as (
    select * from labels
    where label_definition in ('lapse', 'kaggle_rule')
),

definitions as (
    select 'lapse' as label_definition
    union all
    select 'kaggle_rule' as label_definition
),

compared as (
    select
        definitions.label_definition,
        supplied.as_of_date,
        count(*) as supplied_rows,
        count(derived.customer_id) as rows_in_both,
        count(*) filter (where derived.is_churned is not null) as rows_compared,
        count(*) filter (where derived.is_churned = supplied.is_churned) as rows_agreeing,
        count(*) filter (where derived.is_churned and not supplied.is_churned)
            as rows_churned_only_derived,
        count(*) filter (where not derived.is_churned and supplied.is_churned)
            as rows_churned_only_supplied,
        count(*) filter (where supplied.is_churned) as supplied_churners
    from supplied
    cross join definitions
    left join derived
        on
            supplied.customer_id = derived.customer_id
            and supplied.as_of_date = derived.as_of_date
            and definitions.label_definition = derived.label_definition
    group by definitions.label_definition, supplied.as_of_date
),

cohort_sizes as (
    select
        label_definition,
        as_of_date,
        count(*) as derived_rows
    from derived
    group by label_definition, as_of_date
),

final as (
    select
        compared.as_of_date,
        compared.label_definition,
        case
            when coalesce(cohort_sizes.derived_rows, 0) = 0 then 'empty'
            when compared.rows_in_both = 0 then 'no member in both'
            when compared.rows_compared = 0 then 'open'
            else 'closed'
        end as cohort_state,
        compared.supplied_rows,
        compared.supplied_churners,
        coalesce(cohort_sizes.derived_rows, 0) as derived_rows,
        compared.rows_in_both,
        {{ exact_ratio('compared.rows_in_both', 'compared.supplied_rows') }} as coverage,
        compared.rows_compared,
        compared.rows_agreeing,
        {{ exact_ratio('compared.rows_agreeing', 'compared.rows_compared') }} as agreement,
        compared.rows_churned_only_derived,
        compared.rows_churned_only_supplied
    from compared
    left join cohort_sizes
        on
            compared.label_definition = cohort_sizes.label_definition
            and compared.as_of_date = cohort_sizes.as_of_date
)

select * from final
