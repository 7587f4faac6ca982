"""The features that orders alone decide about: orders__, rhythm__, calendar__ and profile__."""

from collections.abc import Iterable
from datetime import date
from itertools import pairwise
from typing import Any

from reference.ecommerce_changes import Outage, outage_days
from reference.ecommerce_rows import SATURDAY, Booking, Order, known_sum
from reference.exact import minus, ratio, spread
from reference.windows import back, covers
from reference.worlds import Coverage

Features = dict[str, Any]

GRACE = 6  # coverage_grace_days
VALUE_DAYS = 180


def within(orders: list[Order], cut_off: date, days: int, until: int = 0) -> list[Order]:
    """Orders in [D - days, D - until)."""
    start, end = back(cut_off, days), back(cut_off, until)
    return [order for order in orders if start <= order.day < end]


def spent(bookings: list[Booking], cut_off: date, days: int, until: int = 0) -> int | None:
    """Cents spent in [D - days, D - until), net of refunds.

    Null when nothing at all has a price, or nothing in the window; 0 where nothing happened.
    """
    start, end = back(cut_off, days), back(cut_off, until)
    some = [booking.cents for booking in bookings if start <= booking.day < end]
    if some or not any(booking.cents is not None for booking in bookings):
        return known_sum(some)
    return 0


def money(cents: int | None) -> float | None:
    """Cents as money."""
    return ratio(cents, 100)


class Days:
    """Orders by day: what the first and the last day hold, and the gaps between days."""

    def __init__(self, orders: list[Order]):
        self.days = sorted({order.day for order in orders})
        self.first, self.last = self.days[0], self.days[-1]
        self.on_first = [order for order in orders if order.day == self.first]
        self.on_last = [order for order in orders if order.day == self.last]
        self.gaps = [(then - now).days for now, then in pairwise(self.days)]
        by_day = [known_sum([o.cents for o in orders if o.day == day]) for day in self.days]
        self.cents = [cents for cents in by_day if cents is not None]


def ordering(
    orders: list[Order],
    bookings: list[Booking],
    cut_off: date,
    cover: Coverage | None,
    outages: Iterable[Outage],
) -> Features:
    """The orders__ features, of orders and money in memory."""
    days = Days(orders)
    amounts = [order.cents for order in orders if order.cents is not None]
    last_cents = known_sum([order.cents for order in days.on_last])

    def known(reach: int, value: Any) -> Any:
        return value if covers(cover, cut_off, reach, grace=GRACE) else None

    def number(*window: int) -> int:
        return len(within(orders, cut_off, *window))

    def cents(*window: int) -> int | None:
        return spent(bookings, cut_off, *window)

    revenue = known_sum([booking.cents for booking in bookings])

    return {
        "orders__days_since_last": (cut_off - days.last).days,
        "orders__outage_days_since_last": outage_days(outages, days.last, cut_off),
        "orders__orders": len(orders),
        "orders__order_days": len(days.days),
        **{
            f"orders__orders_{width}d": known(width, number(width))
            for width in (30, 60, 90, 180, 365)
        },
        "orders__orders_change_90d": known(180, number(90) - number(180, 90)),
        "orders__orders_on_last_day": len(days.on_last),
        "orders__amount": money(revenue),
        **{
            f"orders__amount_{width}d": known(width, money(cents(width))) for width in (30, 90, 365)
        },
        "orders__amount_change_90d": known(180, money(minus(cents(90), cents(180, 90)))),
        "orders__amount_per_order": ratio(revenue, 100 * len(amounts)),
        "orders__last_amount": money(last_cents),
        "orders__last_amount_to_own_mean": (
            None if last_cents is None else ratio(last_cents * len(days.cents), sum(days.cents))
        ),
        "orders__largest_amount": money(max(amounts, default=None)),
        "orders__amount_spread": spread(amounts, unit=100),
    }


def rhythm(orders: list[Order], cut_off: date) -> Features:
    """The rhythm__ features: gaps between order days."""
    days = Days(orders)
    gaps, number, span = days.gaps, len(days.gaps), (days.last - days.first).days
    recency, tenure = (cut_off - days.last).days, (cut_off - days.first).days
    last_gap = gaps[-1] if gaps else None
    mean_gap, gap_spread = ratio(span, number), spread(gaps)
    return {
        "rhythm__gaps": number,
        "rhythm__mean_gap_days": mean_gap,
        "rhythm__gap_spread_days": gap_spread,
        "rhythm__gap_variation": None if gap_spread is None else gap_spread / mean_gap,
        "rhythm__last_gap_days": last_gap,
        "rhythm__largest_gap_days": max(gaps, default=None),
        "rhythm__smallest_gap_days": min(gaps, default=None),
        "rhythm__gap_change_days": gaps[-1] - gaps[0] if gaps else None,
        "rhythm__long_gaps": sum(gap > 60 for gap in gaps),
        "rhythm__recency_to_mean_gap": ratio(recency * number, span),
        "rhythm__recency_to_largest_gap": ratio(recency, max(gaps, default=None)),
        "rhythm__recency_to_last_gap": ratio(recency, last_gap),
        "rhythm__days_overdue": ratio(recency * number - span, number),
        "rhythm__last_gap_to_mean_gap": ratio(last_gap * number, span) if gaps else None,
        "rhythm__order_days_per_30d": ratio(len(days.days) * 30, tenure),
        "rhythm__active_months_360d": sum(
            bool(within(orders, cut_off, 30 * month, 30 * month - 30)) for month in range(1, 13)
        ),
        "rhythm__active_share_of_life": ratio(span, tenure),
    }


def calendar(
    orders: list[Order],
    bookings: list[Booking],
    cut_off: date,
    cover: Coverage | None,
    horizon_days: int,
) -> Features:
    """The calendar__ features; last year's windows end before the cut-off and have no grace."""
    number = len(orders)
    predicted = (365, 365 - horizon_days)
    is_known = covers(cover, cut_off, *predicted, grace=GRACE)
    before_is_known = covers(cover, cut_off, 365 + 90, 365, grace=GRACE)
    return {
        "calendar__month": cut_off.month,
        "calendar__orders_horizon_last_year": (
            len(within(orders, cut_off, *predicted)) if is_known else None
        ),
        "calendar__amount_horizon_last_year": (
            money(spent(bookings, cut_off, *predicted)) if is_known else None
        ),
        "calendar__orders_90d_last_year": (
            len(within(orders, cut_off, 365 + 90, 365)) if before_is_known else None
        ),
        "calendar__november_december_share": ratio(
            sum(order.day.month >= 11 for order in orders), number
        ),
        "calendar__weekend_share": ratio(
            sum(order.day.weekday() >= SATURDAY for order in orders), number
        ),
        "calendar__night_share": ratio(sum(order.hour < 6 for order in orders), number),
        "calendar__morning_share": ratio(sum(6 <= order.hour < 12 for order in orders), number),
        "calendar__evening_share": ratio(sum(order.hour >= 18 for order in orders), number),
    }


def profile(orders: list[Order], cut_off: date) -> Features:
    """The profile__ features: how it began."""
    days = Days(orders)
    first, last = (
        known_sum([order.cents for order in some]) for some in (days.on_first, days.on_last)
    )
    return {
        "profile__tenure_days": (cut_off - days.first).days,
        "profile__is_one_day_customer": len(days.days) == 1,
        "profile__first_amount": money(first),
        "profile__last_to_first_amount": ratio(last, first),
        "profile__days_to_second_order": days.gaps[0] if days.gaps else None,
        "profile__is_first_order_in_november_december": days.first.month >= 11,
        "profile__session_unknown_share": ratio(
            sum(order.session is None for order in orders), len(orders)
        ),
    }


def customer_value(orders: list[Order], bookings: list[Booking], cut_off: date) -> float | None:
    """Own revenue a day over the last year, net of refunds, times the value days; never below 0.

    A year, or the time since the first order where that is shorter; at least 30 days, so that one
    large first order is no daily habit.
    """
    cents = spent(bookings, cut_off, 365)
    since_first = (cut_off - min(order.day for order in orders)).days
    days = min(max(since_first, 30), 365)
    return None if cents is None else ratio(max(cents, 0) * VALUE_DAYS, 100 * days)
