-- One row per domain and day that the memory or the horizon of some cut-off reaches: orders of
-- other days are not read.
{%- set memory_days = 730 %}
with

settings as (
    select * from {{ ref('stg_no_contract__settings') }}
),

cut_offs as (
    select
        cut_offs.domain,
        cut_offs.as_of_date,
        settings.horizon_days
    from {{ ref('control__cut_offs') }} as cut_offs
    inner join settings on cut_offs.domain = settings.domain
),

days_in_reach as (
    {{ number_series(
        '1 - (select max(settings.horizon_days) from settings)', memory_days, 'days_before'
    ) }}
),

final as (
    select distinct
        cut_offs.domain,
        {{ add_days('cut_offs.as_of_date', '-days_in_reach.days_before') }} as day
    from cut_offs
    inner join days_in_reach on cut_offs.horizon_days > -days_in_reach.days_before
)

select * from final
