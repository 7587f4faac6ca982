"""What a caller did wrong, or what is not there yet, as exceptions a service can tell apart."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.project.errors import ChurnError

_NAMED = 5


class NotReadyError(ChurnError):
    """Nothing is published that could answer; the caller did nothing wrong."""


class RefusedDateError(ChurnError):
    """No honest answer can be given for this cut-off."""


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with what was sent.

    Attributes:
        where: Place in the request, outermost first: `customers`, 3, `transactions`, 17, a column.
        reason: What is wrong, a few words.
        value: The value as it was sent, shortened; None where there is none.
    """

    where: tuple[str | int, ...]
    reason: str
    value: str | None = None

    def __str__(self) -> str:
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.where)
        shown = "" if self.value is None else f" ({self.value!r})"
        return f"{place.lstrip('.')}: {self.reason}{shown}"


class BadRowsError(ChurnError):
    """Rows that cannot be used; each problem is named, nothing was answered.

    Args:
        problems: What is wrong, one at least.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        more = f"\n… and {count - _NAMED:,} more" if count > _NAMED else ""
        super().__init__(
            f"{count:,} value{'s' * (count != 1)} cannot be used.",
            where="\n".join(str(problem) for problem in self.problems[:_NAMED]) + more,
            hint="Send the columns of the raw files as their description has them; an empty value "
            "is null.",
        )
