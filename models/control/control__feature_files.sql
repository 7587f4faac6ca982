-- One row per domain and cut-off whose features are kept: a file of its key is there, so they are
-- read from it and not made again. One of them, by chance, is made all the same and compared.
with

keys as (
    select * from {{ ref('control__feature_keys') }}
),

files as (
    {{ kept_feature_files() }}
),

kept as (
    select
        keys.domain,
        keys.as_of_date,
        files.file_path,
        row_number() over (partition by keys.domain order by keys.as_of_date) - 1 as place,
        count(*) over (partition by keys.domain) as places
    from keys
    inner join files
        on
            keys.domain = files.domain
            and {{ dbt.cast('keys.as_of_date', dbt.type_string()) }} || '.' || keys.feature_key
            = files.file_name
),

final as (
    select
        domain,
        as_of_date,
        file_path,
        place = cast(floor({{ env_var('CHURN_COMPARED_AT', '-1') }} * places) as bigint)
            as is_compared
    from kept
)

select * from final
