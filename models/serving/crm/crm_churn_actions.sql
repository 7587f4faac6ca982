-- One row per domain and customer that is scored, or was once published and is not scored any more.
-- Who was scored a few days ago (out_of_scope_days) waits with the published row and no action:
-- around the end of a month customers drop out of scope for a night or two and come back, and rows
-- that come late bring others back. While days are missing, nobody who leaves is deleted.
--
-- It is compared with the published generation, with the suppressions of today laid over as the API
-- does: a row whose hash is the same keeps its times, one that changed has none, and publishing
-- fills them in with its own moment. A row changes for what a marketer would see: the band and the
-- reasons when they are clearly others, the score in steps of .05 with its band, or five steps
-- within it. The figures, titles and sentences beside them are those of this publish: they move
-- every night, and make no row news.
{%- set compared = [
    'score_step', 'risk_band', 'driver_group_1', 'driver_group_2', 'driver_group_3', 'due_on',
    'recommended_action', 'channel', 'holdout_flag', 'is_suppressed', 'suppression_reason',
    'is_deleted'
] %}
{#- what a domain maps for its CRM is compared, too; where none does, hashes stay as they were -#}
{%- if var('churn_domains').values() | selectattr('crm_fields', 'defined') | list %}
    {%- do compared.append('crm_fields') %}
{%- endif %}
with

actions as (
    select * from {{ ref('fct_churn_actions') }}
),

published as (
    select * from {{ ref('stg_churn__published_actions') }}
),

scored_lately as (
    select * from {{ ref('int_churn__last_scored_days_found') }}
),

doubted as (
    select domain
    from {{ ref('int_churn__departures_doubted') }}
),

departures as (
    select * from {{ ref('int_churn__departures_explained') }}
),

bands as (
    select * from {{ ref('int_churn__published_bands_kept') }}
),

reasons as (
    select * from {{ ref('int_churn__published_groups_kept') }}
),

suppressions as (
    select * from {{ ref('stg_churn__suppressions') }}
),

customers as (
    select * from {{ ref('bi_customer_360') }}
),

titles as (
    select
        kind,
        code,
        title
    from {{ ref('codes') }}
),

-- ids that have become another customer's
merged as (
    select
        domain,
        id
    from {{ ref('control__identities') }}
    where
        id != customer_id
        and known_until = date '9999-12-31'
),

scored as (
    select
        actions.domain || ':' || actions.customer_id as crm_key,
        actions.domain,
        actions.customer_id,
        case
            when
                not published.is_deleted
                and published.risk_band = coalesce(bands.risk_band, actions.risk_band)
                and abs(actions.churn_probability - published.risk_score) <= 0.25
                then cast(round(published.risk_score * 20) as bigint)
            else cast(round(actions.churn_probability * 20) as bigint)
        end as score_step,
        coalesce(bands.risk_band, actions.risk_band) as risk_band,
        {%- for place in [1, 2, 3] %}
        case
            when reasons.customer_id is null then actions.driver_group_{{ place }}
            else reasons.driver_group_{{ place }}
        end as driver_group_{{ place }},
        {%- endfor %}
        actions.due_on,
        -- nothing that a sync could act on, unless the customer is to be treated
        case when actions.decision = 'treat' then actions.planned_action end as recommended_action,
        case when actions.decision = 'treat' then actions.channel end as channel,
        actions.is_held_out as holdout_flag,
        actions.is_suppressed,
        actions.suppression_reason,
        actions.run_id as model_version,
        actions.scored_at,
        false as is_deleted,
        cast(null as varchar) as deleted_reason
    from actions
    left join published
        on
            actions.domain = published.domain
            and actions.customer_id = published.customer_id
    left join bands
        on
            actions.domain = bands.domain
            and actions.customer_id = bands.customer_id
    left join reasons
        on
            actions.domain = reasons.domain
            and actions.customer_id = reasons.customer_id
),

gone as (
    select
        published.*,
        not published.is_deleted
        and (scored_lately.customer_id is not null or doubted.domain is not null)
        and merged.id is null as is_waiting,
        case
            when merged.id is not null then 'merged'
            else coalesce(departures.deleted_reason, 'out_of_scope')
        end as reason_now
    from published
    left join actions
        on
            published.domain = actions.domain
            and published.customer_id = actions.customer_id
    left join scored_lately
        on
            published.domain = scored_lately.domain
            and published.customer_id = scored_lately.customer_id
    left join merged
        on
            published.domain = merged.domain
            and published.customer_id = merged.id
    left join departures
        on
            published.domain = departures.domain
            and published.customer_id = departures.customer_id
    left join doubted on published.domain = doubted.domain
    where actions.customer_id is null
),

waiting as (
    select
        gone.crm_key,
        gone.domain,
        gone.customer_id,
        cast(round(gone.risk_score * 20) as bigint) as score_step,
        gone.risk_band,
        gone.driver_group_1,
        gone.driver_group_2,
        gone.driver_group_3,
        gone.due_on,
        cast(null as varchar) as recommended_action,
        cast(null as varchar) as channel,
        gone.holdout_flag,
        suppressions.customer_id is not null as is_suppressed,
        suppressions.suppression_reason,
        gone.model_version,
        gone.scored_at,
        false as is_deleted,
        cast(null as varchar) as deleted_reason
    from gone
    left join suppressions
        on
            gone.domain = suppressions.domain
            and gone.customer_id = suppressions.customer_id
    where gone.is_waiting
),

-- Who is not scored any more stays, empty, so that whoever copied the row learns of it. Empty says
-- nothing about control groups and do-not-contact: a sync must not clear a flag by it.
tombstones as (
    select
        gone.crm_key,
        gone.domain,
        gone.customer_id,
        cast(null as bigint) as score_step,
        cast(null as varchar) as risk_band,
        cast(null as varchar) as driver_group_1,
        cast(null as varchar) as driver_group_2,
        cast(null as varchar) as driver_group_3,
        cast(null as date) as due_on,
        cast(null as varchar) as recommended_action,
        cast(null as varchar) as channel,
        cast(null as boolean) as holdout_flag,
        case when suppressions.customer_id is not null then true end as is_suppressed,
        suppressions.suppression_reason,
        gone.model_version,
        gone.scored_at,
        true as is_deleted,
        coalesce(gone.deleted_reason, gone.reason_now) as deleted_reason
    from gone
    left join suppressions
        on
            gone.domain = suppressions.domain
            and gone.customer_id = suppressions.customer_id
    where not gone.is_waiting
),

rows_now as (
    select * from scored
    union all
    select * from waiting
    union all
    select * from tombstones
),

fields as (
    select * from {{ ref('int_churn__crm_fields_mapped') }}
),

rows_with_fields as (
    select
        rows_now.*,
        case when not rows_now.is_deleted then fields.crm_fields end as crm_fields
    from rows_now
    left join fields
        on
            rows_now.domain = fields.domain
            and rows_now.customer_id = fields.customer_id
),

hashed as (
    select
        *,
        {{ row_hash(compared) }} as row_hash
    from rows_with_fields
),

laid_over as (
    select
        *,
        cast(round(risk_score * 20) as bigint) as score_step
    from published
    where is_overlaid
),

seen as (
    select
        published.domain,
        published.customer_id,
        published.first_seen_at,
        published.updated_at,
        published.deleted_at,
        published.row_hash
    from published
    where not published.is_overlaid
    union all
    select
        laid_over.domain,
        laid_over.customer_id,
        laid_over.first_seen_at,
        laid_over.updated_at,
        laid_over.deleted_at,
        {{ row_hash(compared) }} as row_hash
    from laid_over
),

final as (
    select
        hashed.crm_key,
        hashed.domain,
        hashed.customer_id,
        hashed.score_step / 20.0 as risk_score,
        hashed.risk_band,
        hashed.driver_group_1,
        hashed.driver_group_2,
        hashed.driver_group_3,
        hashed.due_on,
        hashed.recommended_action,
        hashed.channel,
        hashed.holdout_flag,
        hashed.is_suppressed,
        hashed.suppression_reason,
        hashed.model_version,
        hashed.scored_at,
        seen.first_seen_at,
        case when hashed.row_hash = seen.row_hash then seen.updated_at end as updated_at,
        hashed.row_hash,
        hashed.is_deleted,
        case when hashed.is_deleted then seen.deleted_at end as deleted_at,
        hashed.deleted_reason,

        -- of this publish, not compared
        customers.as_of_date,
        band_titles.title as risk_band_title,
        actions.decision,
        decision_titles.title as decision_title,
        case when hashed.recommended_action is not null then actions.action_title end
            as action_title,
        case
            when hashed.recommended_action is not null
                then
                    replace(
                        actions.message_hint,
                        '{due_on}',
                        coalesce({{ dbt.cast('hashed.due_on', dbt.type_string()) }}, '')
                    )
        end as message_hint,
        actions.reason_words,
        actions.arm,
        customers.top_driver_1
        || coalesce('; ' || customers.top_driver_2, '')
        || coalesce('; ' || customers.top_driver_3, '') as reasons_in_words,
        customers.summary,
        customers.customer_value,
        customers.value_at_risk,
        case when hashed.recommended_action is not null then actions.expected_profit end
            as profit_to_contact,
        customers.expected_next_order_on,
        customers.days_between_orders,
        customers.predicted_value,
        customers.predicted_value_days,
        hashed.crm_fields
    from hashed
    left join seen
        on
            hashed.domain = seen.domain
            and hashed.customer_id = seen.customer_id
    left join customers
        on
            hashed.domain = customers.domain
            and hashed.customer_id = customers.customer_id
    left join actions
        on
            hashed.domain = actions.domain
            and hashed.customer_id = actions.customer_id
    left join titles as band_titles
        on
            hashed.risk_band = band_titles.code
            and band_titles.kind = 'risk_band'
    left join titles as decision_titles
        on
            actions.decision = decision_titles.code
            and decision_titles.kind = 'decision'
)

select * from final
