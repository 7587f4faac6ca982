"""Compares the arms by what was known before they were drawn."""

from collections.abc import Sequence
from dataclasses import dataclass

import duckdb
from scipy.stats import norm

from pipeline.experiments.ratio import RATIO_ALPHA, p_words
from pipeline.project.duck import name_sql


@dataclass(frozen=True)
class BalanceCheck:
    """How far an arm is from the control in one feature.

    Attributes:
        arm: The arm.
        feature: What was known before.
        difference: Difference of the means in standard deviations of the control and the arm.
        p_value: Chance of a difference that large or larger in a fair draw, after Holm.
    """

    arm: str
    feature: str
    difference: float
    p_value: float

    @property
    def fits(self) -> bool:
        """Whether chance explains the difference."""
        return self.p_value >= RATIO_ALPHA

    def __str__(self) -> str:
        return (
            f"{self.feature} of {self.arm} is {self.difference:+.3f} standard deviations from the "
            f"control ({p_words(self.p_value)})"
        )


def check_balance(
    connection: duckdb.DuckDBPyConnection, control: str, features: Sequence[str]
) -> list[BalanceCheck]:
    """Return a check per arm and feature, the least likely first.

    Args:
        connection: Has the tables `assignments` and `features`.
        control: Name of the control arm.
        features: Columns of `features`.
    """
    drawn: list[tuple[str, str, float, float]] = []
    for feature in features:
        column = f"features.{name_sql(feature)}"
        groups = {
            arm: (n, mean, variance or 0.0)
            for arm, n, mean, variance in connection.execute(
                f"select assignments.arm, count({column}), avg({column}), var_samp({column}) "
                "from assignments inner join features using (customer_id) group by all"
            ).fetchall()
            if n > 1
        }
        if control not in groups:
            continue
        n0, mean0, variance0 = groups[control]
        for arm, (n, mean, variance) in groups.items():
            error = (variance / n + variance0 / n0) ** 0.5
            if arm != control and error > 0:
                apart = mean - mean0
                spread = ((variance + variance0) / 2) ** 0.5
                drawn.append((arm, feature, apart / spread, 2 * float(norm.sf(abs(apart) / error))))
    drawn.sort(key=lambda one: (one[3], one[:2]))
    checks, smallest = [], 0.0
    for position, (arm, feature, difference, p_value) in enumerate(drawn):
        smallest = max(smallest, min(1.0, p_value * (len(drawn) - position)))
        checks.append(BalanceCheck(arm, feature, difference, smallest))
    return checks
