"""When a message is sent again: by Standard Webhooks' schedule, with jitter, or as asked."""

from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from random import Random

# Before each attempt; 75.6 hours in all (Standard Webhooks 1.0, example of a retry schedule).
DELAYS = (
    timedelta(0),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
# A delay is longer or shorter by up to this share, so that receivers are not met all at once.
JITTER = 0.1
# Answers that ask for less.
THROTTLING = frozenset({429, 502, 504})
# What an endpoint gets before the next message, doubled each time.
FIRST_THROTTLE, LONGEST_THROTTLE = timedelta(minutes=1), timedelta(hours=1)
# A receiver that asks for more does not hold a message for ever.
LONGEST_WAIT = timedelta(days=7)


def delay_after(attempts: int, chance: Random) -> timedelta | None:
    """Return how long to wait after a number of failed attempts; None when it was the last one."""
    if attempts >= len(DELAYS):
        return None
    return DELAYS[attempts] * (1 + chance.uniform(-JITTER, JITTER))


def throttle_after(throttles: int) -> timedelta:
    """Return how long an endpoint gets nothing after it asked for less that many times in a row."""
    doubled: int = 2 ** min(throttles, 10)
    return min(FIRST_THROTTLE * doubled, LONGEST_THROTTLE)


def wait_asked(header: str | None, now: datetime) -> timedelta | None:
    """Return what a Retry-After header asks for: seconds, or a date (RFC 9110, 10.2.3).

    Args:
        header: Its value; None without one.
        now: Now, UTC without a zone.
    """
    text = (header or "").strip()
    if not text:
        return None
    if text.isascii() and text.isdigit():
        return min(timedelta(seconds=min(int(text[:12]), 10**9)), LONGEST_WAIT)
    try:
        until = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    if until.tzinfo is not None:
        until = until.astimezone(UTC).replace(tzinfo=None)
    return min(max(until - now, timedelta(0)), LONGEST_WAIT)
