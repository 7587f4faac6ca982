"""The level of a cohort: its forecast, its gate, and the offset that puts a model on it."""

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import brentq

from ml.calibrate import Calibration
from ml.contact_spans import ContactSpans
from ml.contract import Examples, Floats, day_of, weighted_mean
from ml.level.bg_nbd import BgNbd
from ml.level.orders import CohortRule, Orders
from ml.level.season import forecast_multipliers, season_seen
from ml.level.windows import Structure, Window, ended_windows, window_edges

# An offset of log-odds lies between minus this and this.
BOUND = 8.0


@dataclass(frozen=True)
class Level:
    """What is forecast for the cohort of a cut-off.

    Attributes:
        cut_off: The cut-off.
        level: Mean risk of the cohort; None where no year of windows was seen: the model keeps its
            own.
        because: Why there is none, for a reader; empty where there is one.
        structure_level: Mean risk without any season, by BG/NBD alone.
        multipliers: Logarithm of what rates are multiplied by, for each window of the horizon.
        deviations: Their standard deviations.
        windows: Windows that had ended.
        model: Parameters of BG/NBD at the cut-off.
    """

    cut_off: np.datetime64
    level: float | None
    because: str
    structure_level: float
    multipliers: tuple[float, ...]
    deviations: tuple[float, ...]
    windows: int
    model: BgNbd

    def offset(
        self, margin: Floats, calibration: Calibration, weight: Floats | None = None
    ) -> float:
        """Return what is added to the cohort's margins so that their mean risk is the level.

        Args:
            margin: Log-odds of everybody in the cohort.
            calibration: Map from margin to probability.
            weight: How many customers each row stands for; None for one.
        """
        level = self.level
        if level is None or len(margin) == 0:
            return 0.0

        def excess(offset: float) -> float:
            return weighted_mean(calibration.apply(margin + offset), weight) - level

        if excess(-BOUND) > 0:
            return -BOUND
        if excess(BOUND) < 0:
            return BOUND
        return float(brentq(excess, -BOUND, BOUND))


@dataclass
class Levels:
    """Levels of a domain's cohorts, each from what was known at its cut-off.

    Attributes:
        orders: All orders; at a cut-off, later ones change nothing.
        who: Rule of the cohorts.
        cut_offs: Cut-offs of the grid, whose cohorts are looked back at.
        contacts: Whom contacts may have moved: they are left out of what is learned from past
            cohorts, and those held out stand for them; None where nobody was contacted.
    """

    orders: Orders
    who: CohortRule
    cut_offs: tuple[np.datetime64, ...]
    contacts: ContactSpans | None = None
    _structures: dict[int, Structure] = field(default_factory=dict)
    _levels: dict[int, Level] = field(default_factory=dict)
    _ended: dict[tuple[int, int, int, int], list[Window]] = field(default_factory=dict)

    def structure(self, cut_off: np.datetime64) -> Structure:
        """Return what BG/NBD expects of a cohort."""
        day = day_of(cut_off)
        if day not in self._structures:
            self._structures[day] = Structure.of(self.orders, day, self.who)
        return self._structures[day]

    def at(self, cut_off: np.datetime64) -> Level:
        """Return the level of a cohort."""
        day = day_of(cut_off)
        if day not in self._levels:
            self._levels[day] = self._forecast(cut_off)
        return self._levels[day]

    def shifted(self, examples: Examples, margin: Floats, calibration: Calibration) -> Floats:
        """Return the margins of whole cohorts, each cohort's on its level.

        Args:
            examples: Rows of one cohort or several.
            margin: Their log-odds.
            calibration: Map from margin to probability.
        """
        found = margin.copy()
        for cut_off in np.unique(examples.as_of_date):
            rows = examples.as_of_date == cut_off
            weight = None if examples.weight is None else examples.weight[rows]
            found[rows] += self.at(cut_off).offset(margin[rows], calibration, weight)
        return found

    def probability_of_none(self, examples: Examples) -> Floats:
        """Return BG/NBD's probability of no order in the horizon; NaN for who is not in a cohort.

        Args:
            examples: Rows of one cohort or several.
        """
        found = np.full(len(examples), np.nan)
        for cut_off in np.unique(examples.as_of_date):
            structure = self.structure(cut_off)
            of = dict(
                zip(
                    self.orders.customer_id[structure.members],
                    np.exp(-structure.silence.sum(axis=1)),
                    strict=True,
                )
            )
            rows = np.flatnonzero(examples.as_of_date == cut_off)
            found[rows] = [of.get(customer, np.nan) for customer in examples.customer_id[rows]]
        return found

    def windows(self, cut_off: np.datetime64) -> list[Window]:
        """Return the windows of earlier cohorts that had ended at a cut-off, oldest first."""
        day = day_of(cut_off)
        missing = len(self.orders.before(day).missing)
        contacts = 0 if self.contacts is None else self.contacts.known(day)
        found: list[Window] = []
        for earlier in self.cut_offs:
            opens = day_of(earlier)
            if opens >= day:
                continue
            ended = sum(opens + edge <= day for edge in window_edges(self.who.horizon_days)[1:])
            key = (opens, ended, missing, contacts)
            if ended and key not in self._ended:
                self._ended[key] = ended_windows(
                    self.orders, self.structure(earlier), self.who, day, self.contacts
                )
            found.extend(self._ended.get(key, []))
        return found

    def _forecast(self, cut_off: np.datetime64) -> Level:
        day, structure, windows = day_of(cut_off), self.structure(cut_off), self.windows(cut_off)
        edges = np.array(window_edges(self.who.horizon_days), dtype=float)
        middles = day + (edges[:-1] + edges[1:]) / 2
        flat = np.zeros(len(middles))
        mean, deviation = flat, np.full(len(middles), np.nan)
        first, lookback = int(self.orders.day.min()), self.who.lookback_days
        is_seen = season_seen(windows, middles, first, lookback)
        if windows:
            mean, deviation = forecast_multipliers(windows, middles, first, lookback)
        return Level(
            cut_off=cut_off,
            level=structure.level(mean) if is_seen else None,
            because="" if is_seen else "the same days of the year before were not observed",
            structure_level=structure.level(flat),
            multipliers=tuple(mean.tolist()),
            deviations=tuple(deviation.tolist()),
            windows=len(windows),
            model=structure.model,
        )
