-- One row per domain and cut-off whose features this build makes: those that are not kept, and the
-- kept one that is compared.
with

cut_offs as (
    select * from {{ ref('control__cut_offs') }}
),

files as (
    select * from {{ ref('control__feature_files') }}
),

final as (
    select
        cut_offs.domain,
        cut_offs.as_of_date
    from cut_offs
    left join files
        on
            cut_offs.domain = files.domain
            and cut_offs.as_of_date = files.as_of_date
    where
        files.file_path is null
        or files.is_compared
)

select * from final
