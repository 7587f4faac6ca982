"""How good the scores are, in one figure with advice: on every page."""

from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from app.viewer import words
from app.viewer.published import Published, one

# Shares of pairs that are ranked right from which the advice changes.
GOOD, FAIR = 0.8, 0.7


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


def quality_of(generation: Published, domain: str) -> Quality | None:
    """Return the quality of the newest published scores whose outcome is known.

    Until there are any it is that of the back-test; None if there is no back-test either.
    """
    realised = one(
        generation,
        "select auc, as_of_date, as_of_date as first_as_of_date from bi_realised_quality "
        "where domain = ? and auc is not null order by as_of_date desc, run_id limit 1",
        domain,
    )
    if realised:
        return _quality(realised, is_realised=True)
    tested = one(
        generation,
        "select value as auc, coalesce(last_as_of_date, as_of_date) as as_of_date, "
        "as_of_date as first_as_of_date "
        "from bi_model_quality "
        "where domain = ? and split = 'test' and model = 'lightgbm' and metric = 'auc' "
        "order by as_of_date desc limit 1",
        domain,
    )
    return _quality(tested, is_realised=False) if tested else None


def show_badge(quality: Quality | None) -> None:
    """Show the figure, the advice and where it comes from."""
    if quality is None:
        st.caption("Quality of the scores: not measured yet.")
        return
    pairs = f"{100 * quality.ranked_right:.0f}"
    st.markdown(
        f"**Quality of the scores: {quality.word}**",
        help=f"Of 100 pairs of a customer who left and one who stayed, {pairs} were ranked right "
        "(50 would be chance).",
    )
    st.caption(f"{pairs} of 100 pairs ranked right. {quality.advice} {quality.origin}")


def _quality(row: dict[str, Any], *, is_realised: bool) -> Quality:
    return Quality(float(row["auc"]), row["as_of_date"], row["first_as_of_date"], is_realised)
