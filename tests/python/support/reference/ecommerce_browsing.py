"""The browsing__ features: views, carts and sessions of the last 90 days."""

from collections.abc import Iterable
from datetime import date
from typing import Any

from reference.ecommerce_changes import Change, are_carts_broken
from reference.ecommerce_orders import GRACE
from reference.ecommerce_rows import SATURDAY, Event, of_type, sessions
from reference.exact import ratio, slope
from reference.windows import back, covers, days_since
from reference.worlds import Coverage


class Window:
    """One customer's events in [start, end)."""

    def __init__(self, events: list[Event], start: date, end: date):
        self.events = [event for event in events if start <= event.event_date < end]
        self.views, self.carts, self.removes = (
            of_type(self.events, kind) for kind in ("view", "cart", "remove_from_cart")
        )
        self.days = {view.event_date for view in self.views}
        self.sessions = sessions(self.events)

    def with_type(self, *kinds: str) -> list[list[Event]]:
        """Sessions in which every one of some types of event is there."""
        return [
            session
            for session in self.sessions
            if set(kinds) <= {event.event_type for event in session}
        ]


def browsing(
    events: list[Event],
    cut_off: date,
    last_order_on: date,
    visits_cover: Coverage | None,
    carts_cover: Coverage | None,
    changes: Iterable[Change],
) -> dict[str, Any]:
    """Every browsing__ feature; a covered window without an event is silence, not null."""
    by_reach = {width: visits(events, cut_off, width) for width in (7, 28, 90)}
    by_reach[28] |= per_session(Window(events, back(cut_off, 28), cut_off))
    by_reach[90] |= long_visits(events, cut_off, last_order_on)
    carts_by_reach = {width: carts(events, cut_off, width) for width in (28, 90)}
    carts_by_reach[90] |= long_carts(events, cut_off, last_order_on)
    found = {}
    for reach, features in by_reach.items():
        known = covers(visits_cover, cut_off, reach, grace=GRACE)
        found |= {name: value if known else None for name, value in features.items()}
    for reach, features in carts_by_reach.items():
        known = covers(carts_cover, cut_off, reach, grace=GRACE)
        known = known and not are_carts_broken(changes, back(cut_off, reach), cut_off)
        found |= {name: value if known else None for name, value in features.items()}
    return {f"browsing__{name}": value for name, value in found.items()}


def visits(events: list[Event], cut_off: date, width: int) -> dict[str, Any]:
    """What is counted in each width of window."""
    window = Window(events, back(cut_off, width), cut_off)
    return {
        f"visit_days_{width}d": len(window.days),
        f"views_{width}d": len(window.views),
        f"viewing_sessions_{width}d": len(window.with_type("view")),
    }


def per_session(window: Window) -> dict[str, Any]:
    """Different products and departments that a session holds, in the mean."""
    viewed = [of_type(session, "view") for session in window.with_type("view")]
    return {
        "products_per_session_28d": ratio(
            sum(different(view.product_id for view in session) for session in viewed), len(viewed)
        ),
        "departments_per_session_28d": ratio(
            sum(different(view.department for view in session) for session in viewed), len(viewed)
        ),
    }


def different(values: Iterable[str | None]) -> int:
    """How many known values there are, each counted once."""
    return len(set(values) - {None})


def long_visits(events: list[Event], cut_off: date, last_order_on: date) -> dict[str, Any]:
    """What takes 90 days of views to know."""
    recent, earlier, whole = (
        Window(events, back(cut_off, start), back(cut_off, end))
        for start, end in ((28, 0), (90, 28), (90, 0))
    )
    viewing = len(whole.with_type("view"))
    ninety_days = [back(cut_off, days) for days in range(90, 0, -1)]
    number, days = len(whole.events), len(whole.days)
    return {
        "days_since_visit": days_since(whole.days, cut_off),
        "is_silent_90d": not whole.views,
        "visit_days_since_order": sum(day > last_order_on for day in whole.days),
        "views_since_order": sum(view.event_date > last_order_on for view in whole.views),
        "views_per_session_90d": ratio(len(whole.views), viewing),
        "buying_share_90d": ratio(len(whole.with_type("purchase")), viewing),
        "weekend_share_90d": ratio(sum(day.weekday() >= SATURDAY for day in whole.days), days),
        "evening_share_90d": ratio(
            sum(event.event_time.hour >= 18 for event in whole.events), number
        ),
        "visit_days_to_own_past": ratio(len(recent.days) * 62, len(earlier.days) * 28),
        "views_to_own_past": ratio(len(recent.views) * 62, len(earlier.views) * 28),
        "visit_days_slope_90d": slope([int(day in whole.days) for day in ninety_days]),
        "views_slope_90d": slope(
            [sum(view.event_date == day for view in whole.views) for day in ninety_days]
        ),
        "category_unknown_share_90d": ratio(
            sum(view.category_code is None for view in whole.views), len(whole.views)
        ),
        "zero_price_share_90d": ratio(sum(event.price == 0 for event in whole.events), number),
        "sessionless_days_90d": len(
            {event.event_date for event in whole.events if event.user_session is None}
        ),
    }


def carts(events: list[Event], cut_off: date, width: int) -> dict[str, Any]:
    """What is known of carts in each width of window."""
    window = Window(events, back(cut_off, width), cut_off)
    filled = len(window.with_type("cart"))
    bought = len(window.with_type("cart", "purchase"))
    return {
        f"carts_{width}d": len(window.carts),
        f"cart_share_{width}d": ratio(filled, len(window.sessions)),
        f"abandoned_share_{width}d": ratio(filled - bought, filled),
    }


def long_carts(events: list[Event], cut_off: date, last_order_on: date) -> dict[str, Any]:
    """What takes 90 days of carts to know."""
    recent, earlier, whole = (
        Window(events, back(cut_off, start), back(cut_off, end))
        for start, end in ((28, 0), (90, 28), (90, 0))
    )
    return {
        "days_since_cart": days_since((cart.event_date for cart in whole.carts), cut_off),
        "carts_since_order": sum(cart.event_date > last_order_on for cart in whole.carts),
        "carts_to_own_past": ratio(len(recent.carts) * 62, len(earlier.carts) * 28),
        "removes_90d": len(whole.removes),
    }
