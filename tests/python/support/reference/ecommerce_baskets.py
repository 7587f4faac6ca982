"""The basket__ features: what was bought, unit by unit."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any

from reference.ecommerce_changes import Change, are_categories_remapped
from reference.ecommerce_rows import Event, orders_of
from reference.exact import ratio, spread
from reference.windows import back


def baskets(purchases: list[Event], cut_off: date, changes: Iterable[Change]) -> dict[str, Any]:
    """Every basket__ feature, of purchases in memory."""
    year = [unit for unit in purchases if unit.event_date >= back(cut_off, 365)]
    last_day = max(unit.event_date for unit in purchases)
    products = counted(unit.product_id for unit in year)
    brands = counted(unit.brand for unit in year)
    departments = counted(unit.department for unit in year)
    if are_categories_remapped(changes, cut_off):
        departments = Counter()
    cents = [unit.cents for unit in year if unit.cents is not None]
    return {
        "basket__units_365d": len(year) or None,
        "basket__units_per_order": ratio(len(purchases), len(orders_of(purchases))),
        "basket__units_on_last_day": sum(unit.event_date == last_day for unit in purchases),
        "basket__products_365d": len(products) or None,
        "basket__rebought_share_365d": ratio(
            sum(units > 1 for units in products.values()), len(products)
        ),
        "basket__brands_365d": len(brands) or None,
        "basket__brand_concentration_365d": concentration(brands),
        "basket__departments_365d": len(departments) or None,
        "basket__department_concentration_365d": concentration(departments),
        "basket__mean_price_365d": ratio(sum(cents), 100 * len(cents)),
        "basket__highest_price_365d": ratio(max(cents, default=None), 100),
        "basket__lowest_price_365d": ratio(min(cents, default=None), 100),
        "basket__price_spread_365d": spread(cents, unit=100),
        "basket__brand_unknown_share_365d": ratio(
            sum(unit.brand is None for unit in year), len(year)
        ),
        "basket__category_unknown_share_365d": ratio(
            sum(unit.category_code is None for unit in year), len(year)
        ),
    }


def counted(values: Iterable[str | None]) -> Counter[str]:
    """Units by what is known of them."""
    return Counter(value for value in values if value is not None)


def concentration(counts: Counter[str]) -> float | None:
    """Herfindahl index: the sum of squared shares."""
    return ratio(sum(n * n for n in counts.values()), counts.total() ** 2)
