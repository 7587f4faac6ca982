"""What leaving costs, for customers who are scored beside the published cohort."""

from dataclasses import dataclass
from typing import Self

import duckdb


@dataclass(frozen=True)
class LeavingCosts:
    """Shares of the value that leaving costs, as measured by the published cut-off.

    Attributes:
        low_until: Highest value of the published cohort's lowest third; None without values.
        middle_until: Highest value of its middle third.
        shares: Value band → share of the value.
        days: Days over which it was measured; None where no cohort has closed.
    """

    low_until: float | None
    middle_until: float | None
    shares: dict[str, float]
    days: int | None

    @classmethod
    def read(cls, connection: duckdb.DuckDBPyConnection, domain: str) -> Self:
        """Read them from a bundle on which `open_answering` ran.

        Args:
            connection: Connection with the bundle's relations.
            domain: Domain.
        """
        bands = connection.execute(
            "select low_until, middle_until from churn.int_churn__value_bands_cut "
            "inner join published.runs_live using (domain, as_of_date) where domain = ?",
            [domain],
        ).fetchone()
        measured = connection.execute(
            "select value_band, leaving_share, horizon_days "
            "from churn.int_churn__leaving_costs_measured "
            "inner join published.runs_live using (domain, as_of_date) where domain = ?",
            [domain],
        ).fetchall()
        low_until, middle_until = bands or (None, None)
        return cls(
            low_until,
            middle_until,
            {band: share for band, share, _ in measured},
            measured[0][2] if measured else None,
        )

    def of(self, value: float | None) -> float | None:
        """Return what it costs that a customer of a value leaves; None where it is unknown.

        Args:
            value: customer_value, in the domain's currency.
        """
        if value is None or self.low_until is None or self.middle_until is None:
            return None
        if value <= self.low_until:
            share = self.shares.get("low")
        elif value <= self.middle_until:
            share = self.shares.get("middle")
        else:
            share = self.shares.get("high")
        return None if share is None else value * share
