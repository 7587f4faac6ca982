"""Members at the edges of what is known: arguments of make_world, by what stands at its edge.

The first days on which windows are covered, and the last ones.
"""

from datetime import date, timedelta

# Months of 28 to 31 days, ends of months, a leap day, and the days around which outages begin,
# become known and end.
CUT_OFFS = [
    *(date(year, month, 1) for year in (2015, 2016) for month in range(1, 13)),
    *(date(2017, month, 1) for month in (1, 2, 3, 4)),
    *(date(2016, 1, 30), date(2016, 1, 31), date(2016, 2, 29), date(2016, 12, 31)),
    *(date(2015, 4, day) for day in (14, 15, 16)),
    *(date(2016, 3, day) for day in (14, 15, 16)),
    *(date(2015, 6, 30), date(2015, 7, 1), date(2016, 7, 31), date(2016, 8, 1)),
]

BEGINS, ENDS = date(2015, 5, 20), date(2016, 9, 20)
LONG_AFTER = date(2018, 1, 1)
# from here on, days may lack rows
MISSING = date(2016, 2, 10)
AT_THE_EDGES = {
    "the record begins": {
        "seed": 1,
        "members": 700,
        "cut_offs": [
            *(
                BEGINS + timedelta(days=window + beside)
                for window in (7, 14, 28, 56, 90, 365, 393)
                for beside in (-1, 0, 1)
            ),
            # members who began a month and a day after the record
            BEGINS + timedelta(days=122),
        ],
        "known_before": LONG_AFTER,
        "payments_from": BEGINS,
        "logs_from": BEGINS,
    },
    "the record ends": {
        "seed": 2,
        "members": 500,
        "cut_offs": [ENDS + timedelta(days=late) for late in (0, 2, 3, 4)],
        "known_before": LONG_AFTER,
        "payments_before": ENDS,
        "logs_before": ENDS,
    },
    "the logs end": {
        "seed": 3,
        "members": 500,
        "cut_offs": [
            ENDS + timedelta(days=late) for late in (3, 4, 28, 90, 364, 365, 366, 367, 368, 369)
        ],
        "known_before": LONG_AFTER,
        "logs_before": ENDS,
    },
    "days are missing": {
        "seed": 7,
        "members": 500,
        "cut_offs": [
            MISSING + timedelta(days=beside)
            for beside in (1, 7, 8, 14, 15, 28, 29, 56, 57, 58, 90, 91, 92, 365, 366, 367, 393, 394)
        ],
        "known_before": LONG_AFTER,
        "holes": {
            "transactions": tuple(MISSING + timedelta(days=n) for n in range(4)),
            "user_logs": (MISSING, MISSING + timedelta(days=1)),
        },
    },
    "a hole has no reason": {
        "seed": 8,
        "members": 400,
        "cut_offs": [
            MISSING + timedelta(days=beside)
            for beside in (-62, -61, -60, -59, 0, 1, 39, 40, 89, 90, 91)
        ],
        "known_before": LONG_AFTER,
        "with_logs": False,
        "holes": {"transactions": (MISSING,)},
        "outcome_holes": (
            (MISSING, MISSING + timedelta(days=40), MISSING + timedelta(days=91)),
            (MISSING + timedelta(days=39), None, None),
        ),
    },
    "outages begin and end": {
        "seed": 5,
        "members": 500,
        "cut_offs": [
            *(date(2015, 4, 15), date(2015, 4, 16), date(2015, 6, 30), date(2015, 7, 1)),
            *(date(2016, 3, 15), date(2016, 3, 16), date(2016, 7, 31), date(2016, 8, 1)),
        ],
        "known_before": LONG_AFTER,
    },
    "knowledge ends": {
        "seed": 4,
        "members": 500,
        "cut_offs": [ENDS + timedelta(days=late) for late in (0, 1, 2, 30)],
        "known_before": ENDS,
    },
    "ids become another's": {
        "seed": 7,
        "members": 300,
        "cut_offs": [date(2017, 2, 1)],
        "known_before": LONG_AFTER,
        "published": True,
        "with_map": True,
    },
    "labels are on record": {
        "seed": 6,
        "members": 400,
        "cut_offs": [date(2017, 1, 1), date(2017, 2, 1), date(2017, 3, 1)],
        "known_before": LONG_AFTER,
        "with_logs": False,
        "published": True,
        # two cohorts of one definition, two definitions of one cohort, one and two versions
        "frozen": (
            ("lapse", date(2017, 1, 1), 2),
            ("lapse", date(2017, 2, 1), 1),
            ("kaggle_rule", date(2017, 1, 1), 1),
            ("kaggle_rule", date(2017, 3, 1), 3),
        ),
    },
}
