"""The members file: a snapshot of November 2017, with the values that people typed in.

Whether a profile exists is decided long after the outcomes, and members who stayed lack one more
often. So its absence leaks the future: a model that reads it beats the oracle score, which is how
to catch it.
"""

import numpy as np
import pyarrow as pa

from pipeline.demo.arrays import Flags, day
from pipeline.demo.kkbox.catalogue import PRODUCTS
from pipeline.demo.kkbox.days import FIRST_DAY, as_yyyymmdd
from pipeline.demo.kkbox.population import Population, member_ids

# 11-12 % of labelled members have no profile; they churn about half as often as the others.
_MISSING_IF_STAYED, _MISSING_IF_LAPSED = 0.126, 0.055
_ONLY_REGISTERED = 0.05  # profiles of people who never subscribed, for each member
_CITY_OF_UNNAMED, _CITY_1_OF_NAMED = 0.72, 0.10
_UNNAMED = 0.66

_CITIES = np.array([13, 5, 4, 15, 22, 6, 14, 12, 9, 11, 8, 10, 18, 3, 17, 21, 7, 16, 20, 19])
_CITY_WEIGHT = np.array(
    [99.0, 72, 51, 41, 41, 29, 20, 12, 11, 9, 8, 6, 6, 6, 5, 4.5, 2, 1, 0.7, 0.2]
)
_VIA = np.array([7, 9, 3, 4, 13])
_VIA_OF_AUTO = np.array([0.58, 0.26, 0.11, 0.045, 0.005])
_VIA_OF_HAND = np.array([0.18, 0.37, 0.25, 0.195, 0.005])
_IMPOSSIBLE_AGES = np.array([-7168, 2016, 1043, -46, 117, 112, 111, 106, 930, -3152])


def members_table(people: Population, lapsed_last: Flags, rng: np.random.Generator) -> pa.Table:
    """Return members_v3 as it is written, in no order.

    Args:
        people: Everybody who ever subscribed.
        lapsed_last: Whether the member's last decision was a lapse; one entry a member.
        rng: Source of chance.
    """
    missing = rng.random(len(people)) < np.where(
        lapsed_last, _MISSING_IF_LAPSED, _MISSING_IF_STAYED
    )
    kept = np.flatnonzero(~missing)
    extra = round(_ONLY_REGISTERED * len(people))
    msno = np.concatenate((people.msno[kept], member_ids(rng, extra)))
    registered = np.concatenate(
        (
            people.registered_on[kept],
            rng.integers(FIRST_DAY - 2000, day("2017-11-13"), extra),
        )
    ).astype(np.int32)
    auto = np.concatenate((PRODUCTS.auto[people.product[kept]] == 1, rng.random(extra) < 0.5))

    n = len(msno)
    unnamed = rng.random(n) < _UNNAMED
    elsewhere = rng.choice(_CITIES, n, p=_CITY_WEIGHT / _CITY_WEIGHT.sum())
    city_1 = rng.random(n) < np.where(unnamed, _CITY_OF_UNNAMED, _CITY_1_OF_NAMED)
    city = np.where(city_1, 1, elsewhere)
    age = np.clip(14 + rng.gamma(4.0, 3.7, n), 14, 79).astype(np.int64)
    age[rng.random(n) < np.where(unnamed, 0.985, 0.06)] = 0
    odd = rng.choice(n, max(len(_IMPOSSIBLE_AGES), n // 600), replace=False)
    age[odd] = np.resize(_IMPOSSIBLE_AGES, len(odd))
    gender = np.where(rng.random(n) < 0.51, "male", "female").astype(object)
    gender[rng.random(n) < np.where(unnamed, 0.975, 0.02)] = None
    by_auto, by_hand = rng.choice(_VIA, n, p=_VIA_OF_AUTO), rng.choice(_VIA, n, p=_VIA_OF_HAND)

    table = pa.table(
        {
            "msno": pa.array(msno).cast(pa.string()),
            "city": pa.array(city, pa.int32()),
            "bd": pa.array(age, pa.int32()),
            "gender": pa.array(gender, pa.string()),
            "registered_via": pa.array(np.where(auto, by_auto, by_hand), pa.int32()),
            "registration_init_time": pa.array(as_yyyymmdd(registered), pa.int32()),
        }
    )
    return table.take(pa.array(rng.permutation(n)))
