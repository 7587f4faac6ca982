"""The worlds in which mutants are tried, those first in which most of them show."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

from reference import ecommerce_edges, ecommerce_marts, kkbox_edges, kkbox_marts
from reference.agree import Both
from reference.ecommerce_histories import make_world as make_shop
from reference.ecommerce_labels import Rule
from reference.kkbox_histories import make_world as make_club
from reference.worlds import World

from pipeline.warehouse.compiled_sql import CompiledModel

# A customer may have been silent for longer than any window, or empty windows would not show. The
# lookback is a setting: the models are the same.
LOOKBACK_DAYS = 500
RULE = Rule(lookback_days=LOOKBACK_DAYS)

# what both write: SQL and reference
MARTS: dict[str, tuple[Callable[[list[CompiledModel]], Both], ...]] = {
    "kkbox": (kkbox_marts.Labels, kkbox_marts.Features),
    "ecommerce": (
        partial(ecommerce_marts.Labels, rule=RULE),
        partial(ecommerce_marts.Features, rule=RULE),
    ),
}


def _up_to(most: int, edges: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """The same edges with fewer people, because every mutant so far alive passes by each."""
    return {
        edge: {
            name: min(most, value) if name in ("members", "customers") else value
            for name, value in arguments.items()
        }
        for edge, arguments in edges.items()
    }


# arguments of make_world by the world's name
CLUBS: dict[str, dict[str, Any]] = {
    "a few members": {
        "seed": 20,
        "members": 150,
        "cut_offs": [date(2016, 3, 1), date(2016, 3, 16), date(2017, 2, 1)],
        "known_before": date(2017, 4, 5),
        "published": True,
        "frozen": (("lapse", date(2016, 3, 1), 2), ("kaggle_rule", date(2017, 2, 1), 1)),
    },
    # few, because a slip in a join with the map may join all with all
    "a few ids become another's": {
        **kkbox_edges.AT_THE_EDGES["ids become another's"],
        "members": 6,
        "seed": 17,
    },
    **_up_to(300, kkbox_edges.AT_THE_EDGES),
    # May's last member expires on the 31st, and lapses 30 days later
    **{
        f"May's cohort, {late} days into June": {
            "seed": late,
            "members": 300,
            "cut_offs": [date(2016, 5, 1)],
            "known_before": date(2016, 6, 1) + timedelta(days=late),
            "with_logs": False,
        }
        for late in (28, 29)
    },
}
SHOPS: dict[str, dict[str, Any]] = {
    "a few customers": {
        "seed": 20,
        "customers": 120,
        "cut_offs": [date(2019, 12, 29), date(2020, 11, 30), date(2021, 3, 1)],
        "known_before": date(2021, 3, 31),
        "frozen": ((RULE.name, date(2019, 12, 29), 2), ("another", date(2021, 3, 1), 1)),
    },
    # few, because a slip in a join with the map may join all with all
    "a few ids become another's": {
        **ecommerce_edges.AT_THE_EDGES["ids become another's"],
        "customers": 6,
        "seed": 1,
    },
    **_up_to(300, ecommerce_edges.AT_THE_EDGES),
    **{
        f"a cohort after {late} of 30 days": {
            "seed": late,
            "customers": 100,
            "cut_offs": [date(2020, 5, 1)],
            "known_before": date(2020, 5, 1) + timedelta(days=late),
            "with_visits": False,
        }
        for late in (29, 30)
    },
}
WORLDS = {"kkbox": CLUBS, "ecommerce": SHOPS}
MAKERS: dict[str, Callable[..., World]] = {"kkbox": make_club, "ecommerce": make_shop}


def make(domain: str, world: str) -> World:
    """One of a domain's worlds."""
    return MAKERS[domain](**WORLDS[domain][world])
