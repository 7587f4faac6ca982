"""How good the scores are, in one figure with advice: for the pages and the digest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from app.viewer import words

# Shares of pairs that are ranked right from which the advice changes.
GOOD, FAIR = 0.8, 0.7
_REALISED = (
    "select auc, as_of_date, as_of_date as first_as_of_date from bi_realised_quality "
    "where domain = ? and auc is not null order by as_of_date desc, run_id limit 1"
)
_TESTED = (
    "select value as auc, coalesce(last_as_of_date, as_of_date) as as_of_date, "
    "as_of_date as first_as_of_date "
    "from bi_model_quality "
    "where domain = ? and split = 'test' and model = 'lightgbm' and metric = 'auc' "
    "order by as_of_date desc limit 1"
)


@dataclass(frozen=True)
class Quality:
    """The quality of the scores.

    Attributes:
        ranked_right: Of pairs of one who left and one who stayed, the share that was ranked right.
        as_of_date: Cut-off of the customers it was measured on.
        first_as_of_date: The first one, where several cohorts were taken together.
        is_realised: Whether it is of scores that were published, and not of a back-test.
    """

    ranked_right: float
    as_of_date: date
    first_as_of_date: date
    is_realised: bool

    @property
    def word(self) -> str:
        """What the figure is worth."""
        if self.ranked_right >= GOOD:
            return "good"
        return "fair" if self.ranked_right >= FAIR else "weak"

    @property
    def advice(self) -> str:
        """What to do with scores like these."""
        return {
            "good": "Work down the list by risk.",
            "fair": "Use the order of the list, not the risk of one customer.",
            "weak": "Do not choose customers by risk alone.",
        }[self.word]

    @property
    def origin(self) -> str:
        """Where the figure comes from."""
        if self.is_realised:
            return f"Published scores of {words.day(self.as_of_date)}, against what happened."
        days = dict.fromkeys(map(words.day, (self.first_as_of_date, self.as_of_date)))
        return f"Back-test on the customers of {' to '.join(days)}."

    @property
    def pairs(self) -> str:
        """The figure: how many of 100 pairs were ranked right."""
        return f"{100 * self.ranked_right:.0f}"


def quality_by(one: Callable[[str, str], Mapping[str, Any] | None], domain: str) -> Quality | None:
    """Return the quality of the newest published scores whose outcome is known.

    Until there are any it is that of the back-test; None if there is no back-test either.

    Args:
        one: Returns the first row of a query on published tables with the domain bound.
        domain: Domain.
    """
    for sql, is_realised in ((_REALISED, True), (_TESTED, False)):
        row = one(sql, domain)
        if row:
            return Quality(
                float(row["auc"]), row["as_of_date"], row["first_as_of_date"], is_realised
            )
    return None
