"""Transaction rows as they are made, kept as columns."""

from dataclasses import dataclass, field

import numpy as np

from pipeline.demo.arrays import Days, Rows, Whole

COLUMNS = (
    "member",
    "payment_method_id",
    "payment_plan_days",
    "plan_list_price",
    "actual_amount_paid",
    "is_auto_renew",
    "transacted_on",
    "expires_on",
    "is_cancel",
)


@dataclass
class Ledger:
    """Collects transaction rows of many members at a time."""

    _pieces: dict[str, list[Whole]] = field(default_factory=lambda: {name: [] for name in COLUMNS})

    def add(
        self,
        member: Rows,
        *,
        method: Whole,
        plan_days: Whole,
        list_price: Whole,
        paid: Whole,
        auto: Whole,
        on: Days,
        expires: Days,
        cancel: int,
    ) -> None:
        """Add one row per entry of `member`."""
        values = (method, plan_days, list_price, paid, auto, on, expires)
        columns = (member, *values, np.full(len(member), cancel))
        for name, column in zip(COLUMNS, columns, strict=True):
            self._pieces[name].append(np.asarray(column, dtype=np.int32).copy())

    def rows(self) -> dict[str, Whole]:
        """Return all rows so far, in the order they were added."""
        return {name: np.concatenate(pieces) for name, pieces in self._pieces.items()}
