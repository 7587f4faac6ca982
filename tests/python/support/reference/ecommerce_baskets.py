"""The basket__ features: what was bought, unit by unit."""

from collections import Counter
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from reference.ecommerce_changes import Change, are_categories_remapped
from reference.ecommerce_rows import Event, Order
from reference.exact import ratio, spread
from reference.windows import back


def baskets(orders: list[Order], cut_off: date, changes: Iterable[Change]) -> dict[str, Any]:
    """Every basket__ feature, of the orders in memory."""
    last_day = max(order.day for order in orders)
    year = [item for order in orders if order.day >= back(cut_off, 365) for item in order.items]
    units = sum(item.units for item in year)
    products = counted(year, lambda item: item.product_id)
    brands = counted(year, lambda item: item.brand)
    departments = counted(year, lambda item: item.department)
    if are_categories_remapped(changes, cut_off):
        departments = Counter()
    # the price of each unit
    cents = [cents for item in year if (cents := item.cents) is not None for _ in range(item.units)]
    return {
        "basket__units_365d": units or None,
        "basket__units_per_order": ratio(sum(order.units for order in orders), len(orders)),
        "basket__units_on_last_day": sum(order.units for order in orders if order.day == last_day),
        "basket__products_365d": len(products) or None,
        "basket__rebought_share_365d": ratio(
            sum(number > 1 for number in products.values()), len(products)
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
            sum(item.units for item in year if item.brand is None), units
        ),
        "basket__category_unknown_share_365d": ratio(
            sum(item.units for item in year if item.category_code is None), units
        ),
    }


def counted(items: list[Event], told: Callable[[Event], str | None]) -> Counter[str]:
    """Units by what is known of them."""
    counts: Counter[str] = Counter()
    for item in items:
        if (name := told(item)) is not None:
            counts[name] += item.units
    return counts


def concentration(counts: Counter[str]) -> float | None:
    """Herfindahl index: the sum of squared shares."""
    return ratio(sum(n * n for n in counts.values()), counts.total() ** 2)
