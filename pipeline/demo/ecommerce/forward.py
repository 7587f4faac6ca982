"""The forward filter: the state probabilities of a hidden Markov chain given its observations."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.arrays import Days, Flags, Real, Rows

Counts = NDArray[np.int16]


@dataclass(frozen=True)
class Chain:
    """A hidden Markov chain that emits a count and a mark per day, as matrices.

    The count is Poisson; count and mark are independent given the state of the day's start.

    Attributes:
        count_rate: Mean count in a state, before the day's factor; one entry a state.
        count_factor: One entry a day.
        mark: Probability of the mark; one row a day, one column a state.
        unmarked: Probability of no mark and of the state that follows, from the state before;
            day × state × state.
        marked: Probability of the state that follows a mark; state × state.
    """

    count_rate: Real
    count_factor: Real
    mark: Real
    unmarked: Real
    marked: Real


def beliefs(
    chain: Chain,
    *,
    prior: Real,
    begins_on: Days,
    counts: Counts,
    marks: Flags,
    cut_offs: Days,
) -> Iterator[tuple[int, Real]]:
    """Yield each cut-off with the probability of every state at its start.

    The forward recursion of Rabiner (1989), "A tutorial on hidden Markov models", Proc. IEEE
    77(2), scaled: belief × probability of the day's observation × transition, from the days
    before the cut-off only. Between two cut-offs, customers who showed nothing take all days in
    one step, by the product of the days' matrices.

    Args:
        chain: The process.
        prior: Belief at the start of day `begins_on`, one row a customer, one column a state.
        begins_on: First day that counts, one entry a customer; earlier observations do not.
        counts: Day × customer.
        marks: Day × customer.
        cut_offs: Increasing days; the belief at a cut-off knows nothing of its own day.

    Yields:
        The cut-off, and beliefs, customer × state; the prior where the customer begins later.
    """
    belief = prior.copy()
    start = 0
    for cut_off in cut_offs.tolist():
        _advance(chain, belief, begins_on, counts, marks, start, cut_off)
        yield cut_off, belief
        start = cut_off


def _advance(
    chain: Chain,
    belief: Real,
    begins_on: Days,
    counts: Counts,
    marks: Flags,
    start: int,
    end: int,
) -> None:
    """Move beliefs from the start of one day to that of another, in place."""
    shown = (counts[start:end] > 0).any(axis=0) | marks[start:end].any(axis=0)
    begun = begins_on <= start
    silent = _uneventful(chain, start, end)
    quiet = np.flatnonzero(begun & ~shown)
    belief[quiet] = _scaled(belief[quiet] @ _product(silent))

    busy: Rows = np.flatnonzero((begun & shown) | (~begun & (begins_on < end)))
    begins = begins_on[busy]
    count, mark = counts[start:end, busy], marks[start:end, busy]
    powers = chain.count_rate ** np.arange(count.max(initial=0) + 1)[:, None]
    moving = belief[busy]
    for ahead in range(end - start):
        seen = np.flatnonzero(count[ahead])
        moving[seen] *= powers[count[ahead, seen]]
        after = moving @ silent[ahead]
        marked = np.flatnonzero(mark[ahead])
        zero = np.exp(-chain.count_rate * chain.count_factor[start + ahead])
        after[marked] = (moving[marked] * (zero * chain.mark[start + ahead])) @ chain.marked
        waits = np.flatnonzero(begins > start + ahead)
        after[waits] = belief[busy[waits]]
        moving = after
    belief[busy] = _scaled(moving)


def _scaled(belief: Real) -> Real:
    return np.asarray(belief / belief.sum(axis=1, keepdims=True))


def _uneventful(chain: Chain, start: int, end: int) -> Real:
    """Return the probabilities of no count, no mark and the next state, one matrix a day."""
    zero = np.exp(-chain.count_rate * chain.count_factor[start:end, None])
    return np.asarray(zero[:, :, None] * chain.unmarked[start:end])


def _product(matrices: Real) -> Real:
    result = np.eye(matrices.shape[1])
    for matrix in matrices:
        result = result @ matrix
    return result


def unmarked_within(chain: Chain, day: int, horizon: int) -> Real:
    """Return the probability of no mark in [day, day + horizon), one entry a state at `day`."""
    chance = np.ones(chain.mark.shape[1])
    for ahead in range(day + horizon - 1, day - 1, -1):
        chance = chain.unmarked[ahead] @ chance
    return chance
