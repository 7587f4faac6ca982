"""Arithmetic on exact integers: one division, at most one square root, in the last step."""

import math
from collections.abc import Iterable
from itertools import pairwise


class Inexact(float):
    """A double from an integer of over 53 bits; engines may round such an integer differently."""


def ratio(part: int | None, divisor: int | None) -> float | None:
    """Quotient of two integers; null without a divisor."""
    if part is None or not divisor:
        return None
    quotient = float(part) / float(divisor)
    return quotient if max(abs(part), abs(divisor)) <= 2**53 else Inexact(quotient)


def spread(values: list[int], *, unit: int = 1) -> float | None:
    """Sample standard deviation from n, Σx and Σx²; null below two values.

    Args:
        values: Integers.
        unit: How many of them make one: 100 for cents that are told as money.
    """
    n = len(values)
    if n < 2:
        return None
    variance = ratio(n * sum(x * x for x in values) - sum(values) ** 2, n * (n - 1))
    return type(variance)(math.sqrt(variance) / unit)


def slope(values: list[int]) -> float | None:
    """Least-squares slope of equally spaced values, oldest first."""
    n, times = len(values), range(len(values))
    products = sum(t * x for t, x in zip(times, values, strict=True))
    return ratio(
        n * products - sum(times) * sum(values),
        n * sum(t * t for t in times) - sum(times) ** 2,
    )


def total(values: Iterable[int | None]) -> int:
    """Sum; what is missing adds nothing."""
    return sum(value or 0 for value in values)


def minus(left: int | None, right: int | None) -> int | None:
    """Difference, null when either is."""
    return None if left is None or right is None else left - right


def changes(values: Iterable[int | bool | None]) -> int:
    """How often a value differs from the one before; to and from a missing one is no change."""
    return sum(
        now != then for then, now in pairwise(values) if now is not None and then is not None
    )


def whole(value: float | None) -> int:
    """The nearest integer, halves away from zero; 0 for what is missing."""
    if value is None:
        return 0
    towards_zero = math.trunc(value)
    if abs(value - towards_zero) < 0.5:
        return towards_zero
    return towards_zero + (1 if value > 0 else -1)
