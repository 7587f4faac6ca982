"""Customers at the edges of what is known: arguments of make_world, by what stands at its edge.

The first days on which windows are covered, and the last ones.
"""

from datetime import date, timedelta

from reference.ecommerce_changes import Change, Outage
from reference.ecommerce_histories import KINDS

# Month starts, a leap day, and the days around which the log changes: when a stretch begins, ends,
# and leaves a window of 28, 90 or 365 days.
CUT_OFFS = [
    *(date(year, month, 1) for year in (2018, 2019, 2020, 2021) for month in range(1, 13)),
    *(date(2019, 10, 2), date(2019, 12, 2), date(2019, 12, 28), date(2019, 12, 29)),
    *(date(2020, 2, 28), date(2020, 2, 29), date(2020, 11, 29), date(2020, 11, 30)),
    *(date(2019, 11, 15), date(2019, 11, 16), date(2020, 1, 2), date(2020, 1, 3)),
    *(date(2020, 4, 20), date(2020, 4, 21), date(2020, 4, 22)),
]

BEGINS, ENDS = date(2019, 10, 1), date(2020, 5, 1)
LONG_AFTER = date(2024, 1, 1)
# after all that was wrong with the log
LATER = date(2021, 5, 1)
# from here on, days may lack rows
MISSING = date(2021, 1, 10)
AT_THE_EDGES = {
    "the record begins": {
        "seed": 1,
        "customers": 400,
        "cut_offs": sorted(
            {
                BEGINS + timedelta(days=window + beside)
                for window in (7, 28, 30, 60, 90, 180, 365, 455)
                for beside in (-1, 0, 1)
            }
        ),
        "known_before": LONG_AFTER,
        "covered_from": dict.fromkeys(KINDS, BEGINS),
    },
    "the visits begin": {
        "seed": 10,
        "customers": 200,
        "cut_offs": [
            LATER + timedelta(days=window + beside)
            for window in (7, 28, 90)
            for beside in (-1, 0, 1)
        ],
        "known_before": LONG_AFTER,
        "covered_from": dict.fromkeys(("view", "cart", "remove_from_cart"), LATER),
    },
    "the visits end": {
        "seed": 2,
        "customers": 200,
        "cut_offs": [ENDS + timedelta(days=late) for late in (0, 5, 6, 7, 28, 90)],
        "known_before": LONG_AFTER,
        "covered_before": dict.fromkeys(("view", "cart", "remove_from_cart"), ENDS),
    },
    "the purchases end": {
        "seed": 3,
        "customers": 400,
        "cut_offs": [
            ENDS + timedelta(days=late) for late in (0, 5, 6, 7, 60, 334, 335, 336, 364, 365, 366)
        ],
        "known_before": LONG_AFTER,
        "covered_before": {"purchase": ENDS},
    },
    "knowledge ends": {
        "seed": 4,
        "customers": 200,
        "cut_offs": [ENDS + timedelta(days=late) for late in (0, 1, 7, 8, 30)],
        "known_before": ENDS,
    },
    "the log changes": {
        "seed": 5,
        "customers": 200,
        "cut_offs": [date(2019, 10, 1), *CUT_OFFS[-15:]],
        "known_before": LONG_AFTER,
    },
    "another log changes": {
        "seed": 11,
        "customers": 200,
        "cut_offs": [date(2021, 2, 1), date(2021, 2, 28), date(2021, 3, 1), date(2021, 7, 1)],
        "known_before": LONG_AFTER,
        "changes": (
            Change("cart_log_broken", date(2020, 12, 1), date(2021, 2, 1), date(2020, 12, 24)),
            Change("cart_log_broken", date(2021, 2, 1), date(2021, 2, 28), date(2021, 2, 10)),
            Change("categories_remapped", date(2020, 2, 15), date(2020, 2, 15), date(2020, 2, 16)),
            Change("categories_remapped", date(2021, 2, 1), date(2021, 3, 1), date(2021, 2, 2)),
        ),
    },
    "nothing is known of changes": {
        "seed": 12,
        "customers": 200,
        "cut_offs": [date(2019, 12, 1), date(2020, 2, 1)],
        "known_before": LONG_AFTER,
        "changes": (),
        "outages": (),
    },
    "days are missing": {
        "seed": 13,
        "customers": 400,
        "cut_offs": [
            MISSING + timedelta(days=beside)
            for beside in (
                *(1, 7, 8, 28, 29, 30, 31, 32, 60, 61, 90, 91, 92),
                *(336, 365, 366, 455),
            )
        ],
        "known_before": LONG_AFTER,
        # as many as 60 days may lack, and 90
        "holes": {
            "purchase": (MISSING, MISSING + timedelta(days=1), MISSING + timedelta(days=2)),
            "view": (MISSING,),
            "cart": (MISSING,),
        },
        "outages": (
            Outage("ecommerce", "events.purchase", MISSING, MISSING + timedelta(days=3), "missing"),
            Outage("ecommerce", "events", MISSING, MISSING + timedelta(days=9), "of all, not it"),
        ),
    },
    "a hole has no reason": {
        "seed": 14,
        "customers": 200,
        "cut_offs": [
            MISSING + timedelta(days=beside)
            for beside in (-31, -30, -29, 0, 1, 8, 9, 10, 39, 40, 89, 90, 91)
        ],
        "known_before": LONG_AFTER,
        "with_visits": False,
        "holes": {"purchase": (MISSING,)},
        "outcome_holes": (
            (MISSING, MISSING + timedelta(days=40), MISSING + timedelta(days=91)),
            (MISSING + timedelta(days=39), None, None),
        ),
    },
    "only purchases are there": {
        "seed": 6,
        "customers": 200,
        "cut_offs": [date(2021, 3, 1)],
        "known_before": LONG_AFTER,
        "missing": ("view", "cart", "remove_from_cart"),
    },
    "only what is required is there": {
        "seed": 7,
        "customers": 200,
        "cut_offs": [date(2021, 3, 1)],
        "known_before": LONG_AFTER,
        "missing": (
            *("product_id", "category_id", "category_code", "brand"),
            *("price", "user_session"),
        ),
    },
    "prices are missing here and there": {
        "seed": 8,
        "customers": 300,
        "cut_offs": [date(2020, 5, 1), date(2021, 3, 1)],
        "known_before": LONG_AFTER,
        "with_gaps_in_prices": True,
    },
    "ids become another's": {
        "seed": 15,
        "customers": 300,
        "cut_offs": [date(2020, 5, 1), date(2021, 3, 1)],
        "known_before": LONG_AFTER,
        "with_map": True,
    },
    "labels are on record": {
        "seed": 9,
        "customers": 200,
        "cut_offs": [date(2020, 3, 1), date(2020, 4, 1), date(2020, 5, 1)],
        "known_before": LONG_AFTER,
        # two cohorts of one definition, two definitions of one cohort, one and two versions
        "frozen": (
            ("no_order_h30_l90_m2", date(2020, 3, 1), 2),
            ("no_order_h30_l90_m2", date(2020, 4, 1), 1),
            ("no_order_h60_l120_m2", date(2020, 3, 1), 1),
            ("no_order_h60_l120_m2", date(2020, 5, 1), 3),
        ),
    },
}
