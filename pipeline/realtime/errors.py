"""Exceptions of real time, by whether the caller or the published state is at fault."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.project.errors import ChurnError

_NAMED = 5


class NotReadyError(ChurnError):
    """The published state cannot answer; the caller is not at fault."""


class RefusedDateError(ChurnError):
    """This cut-off cannot be scored honestly."""


@dataclass(frozen=True)
class Problem:
    """A fault in a request.

    Attributes:
        where: Place in the request, outermost first: `customers`, 3, `transactions`, 17, a column.
        reason: What is wrong, in a few words.
        value: The value as sent, shortened; None if there is none.
    """

    where: tuple[str | int, ...]
    reason: str
    value: str | None = None

    def __str__(self) -> str:
        place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in self.where)
        shown = "" if self.value is None else f" ({self.value!r})"
        return f"{place.lstrip('.')}: {self.reason}{shown}"


class BadRowsError(ChurnError):
    """Rows that cannot be used; every problem is listed and nothing was scored.

    Args:
        problems: The problems, at least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        count = len(self.problems)
        more = f"\n… and {count - _NAMED:,} more" if count > _NAMED else ""
        super().__init__(
            f"{count:,} value{'s' * (count != 1)} cannot be used.",
            where="\n".join(str(problem) for problem in self.problems[:_NAMED]) + more,
            hint="Send the columns as described for the raw files; an empty value is null.",
        )
