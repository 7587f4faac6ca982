"""A decision about which run scores."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Decision:
    """Which run scores from now on, and why.

    Attributes:
        run_id: The run that scores.
        challenger_run_id: The run that was compared, or the run that a choice by hand replaced.
        rule: first, same_model, not_comparable, refreshed, changed, held_back, accepted, promoted,
            rolled_back.
        judged_on: Cohort that neither run saw; None if nothing was compared.
        rows: Customers in it.
        champion_log_loss: Mean log loss of the live run.
        challenger_log_loss: Mean log loss of the other run.
        gain: Champion's minus challenger's; positive if the challenger is better.
        gain_se: Standard error of the gain over customers.
        words: The reason, for a reader.
    """

    run_id: str
    challenger_run_id: str
    rule: str
    words: str
    judged_on: str | None = None
    rows: int | None = None
    champion_log_loss: float | None = None
    challenger_log_loss: float | None = None
    gain: float | None = None
    gain_se: float | None = None
