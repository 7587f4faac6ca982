"""Checks that as many customers are in each arm as were to be, before an effect is looked at."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
from scipy.stats import chi2

from pipeline.project.errors import ChurnError

# So rare by chance that the draw or the export is at fault, not bad luck (Fabijan et al. 2019, KDD,
# "Diagnosing sample ratio mismatch").
RATIO_ALPHA = 0.001
# Below so many expected customers in an arm, χ² is too rough; the stratum counts in the total only.
_FEWEST = 5.0


@dataclass(frozen=True)
class RatioCheck:
    """Whether the sizes of the arms fit the shares that were to be drawn.

    Attributes:
        stratum: Stratum; None for all customers.
        counts: Arm → customers.
        expected: Arm → customers by the shares.
        p_value: Chance of counts that far off or further, Pearson's χ²; of a stratum after Holm.
    """

    stratum: str | None
    counts: Mapping[str, int]
    expected: Mapping[str, float]
    p_value: float

    @property
    def fits(self) -> bool:
        """Whether chance explains the sizes."""
        return self.p_value >= RATIO_ALPHA

    def __str__(self) -> str:
        arms = ", ".join(
            f"{arm} {count:,} of {self.expected[arm]:,.0f}" for arm, count in self.counts.items()
        )
        where = "" if self.stratum is None else f"stratum {self.stratum or '(empty)'}: "
        return f"{where}{arms} expected ({p_words(self.p_value)})"


def p_words(p_value: float) -> str:
    """Return a p-value as text; one that is tiny is not 0."""
    return f"p = {p_value:.2g}" if p_value >= 1e-6 else "p < 0.000001"


def check_ratio(
    connection: duckdb.DuckDBPyConnection, totals: str, shares: Mapping[str, float] | None
) -> list[RatioCheck]:
    """Return the check of all customers, then those of strata, the least likely first.

    Args:
        connection: Has the relation of totals (`totals_sql`).
        totals: Its name.
        shares: Arm → share that was to be drawn; equal without it.

    Raises:
        ChurnError: The shares name other arms than the assignments.
    """
    by_stratum: dict[str, dict[str, int]] = defaultdict(dict)
    for stratum, arm, customers in connection.execute(
        f"select stratum, arm, customers from {totals} order by stratum, arm"
    ).fetchall():
        by_stratum[stratum][arm] = customers
    arms = sorted({arm for counts in by_stratum.values() for arm in counts})
    shares = shares or dict.fromkeys(arms, 1.0)
    if set(shares) != set(arms):
        raise ChurnError(
            "The shares name other arms than the assignments.",
            where=f"shares: {', '.join(sorted(shares))}; assignments: {', '.join(arms)}",
            hint="Give each arm its share: " + " ".join(f"--share {arm!r}=…" for arm in arms),
        )
    whole = sum(shares.values())
    shares = {arm: shares[arm] / whole for arm in arms}
    total = {arm: sum(one.get(arm, 0) for one in by_stratum.values()) for arm in arms}
    checks = [_check(None, total, shares)]
    if len(by_stratum) > 1:
        each = [
            _check(stratum, {arm: counts.get(arm, 0) for arm in arms}, shares)
            for stratum, counts in by_stratum.items()
            if sum(counts.values()) * min(shares.values()) >= _FEWEST
        ]
        checks += _holm(each)
    return checks


def _check(
    stratum: str | None, counts: Mapping[str, int], shares: Mapping[str, float]
) -> RatioCheck:
    customers = sum(counts.values())
    expected = {arm: customers * share for arm, share in shares.items()}
    statistic = sum((counts[arm] - wanted) ** 2 / wanted for arm, wanted in expected.items())
    return RatioCheck(stratum, counts, expected, float(chi2.sf(statistic, len(counts) - 1)))


def _holm(checks: Sequence[RatioCheck]) -> list[RatioCheck]:
    """Return checks with p-values that hold together (Holm 1979), the smallest first."""
    ordered, adjusted, smallest = sorted(checks, key=lambda one: one.p_value), [], 0.0
    for position, one in enumerate(ordered):
        smallest = max(smallest, min(1.0, one.p_value * (len(ordered) - position)))
        adjusted.append(RatioCheck(one.stratum, one.counts, one.expected, smallest))
    return adjusted
