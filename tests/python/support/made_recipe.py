"""A recipe as the code before `recipe_version` wrote it."""

from pipeline.project.domains import domain_entries

VERSION_1 = {
    "bands": [0.9861892138673267, 0.9451893430975891, 0.7083324144770713],
    "calibration": {"knots": [], "levels": [], "method": "none", "shift": 0.0, "slope": 1.0},
    "domain": "ecommerce",
    "excluded": {"calendar__month": "the same for a whole cohort"},
    "feature_sql_hash": "fdbea437",
    "features": ["orders__days_since_last", "orders__orders"],
    "label_checksum": "27143272970104693188845",
    "label_definition": "no_order_h30_l90_m2",
    "live_cohorts": ["2020-03-01", "2020-04-01"],
    "model_hash": "fe81d272",
    "outcomes_known_on": "2020-05-01",
    "recipe_hash": "3685c272",
    "run_id": "ecommerce-2020-05-01-7b23fa59",
    "settings": domain_entries()["ecommerce"].resolved().learned().given() | {"risk_bands": {}},
    "test_as_of_date": "2020-04-01",
    "test_cohorts": ["2020-03-01"],
    "train_rate": 0.6346587764485504,
    "tuned": {"max_depth": 4, "learning_rate": 0.05},
    "usual": {"orders__days_since_last": 31.0, "orders__orders": None},
}
