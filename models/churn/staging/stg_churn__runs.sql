-- One row per training run, all runs.
with

source as (
    select * from {{ source('ml', 'runs') }}
),

renamed as (
    select
        run_id,
        domain,
        label_definition,
        validation_as_of_date,
        test_as_of_date,
        coalesce(last_test_as_of_date, test_as_of_date) as last_test_as_of_date,
        coalesce(test_cut_offs, 1) as test_cut_offs,
        scoring_as_of_date,
        trained_until,
        outcomes_known_on,
        train_rows,
        train_churners,
        train_cohorts,
        features,
        rounds,
        calibration,
        base_log_odds,
        band_critical,
        band_high,
        band_medium,
        model_hash,
        label_checksum,
        feature_sql_hash,
        settings,
        written_at as trained_at
    from source
)

select * from renamed
