"""Invoices of a made-up club with trials, pauses, other plans and refunds, from known hazards.

What happens at the end of a paid period is drawn when it begins: the customer leaves, silently or
with a cancellation some days before; pauses for 30 days some days before; pays a year ahead some
days before; or renews on the day or up to three days late. So the chance that a customer of a
cohort leaves, given all that happened before the cut-off, is known to the last digit.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

FIRST = date(2022, 1, 1)
LAST = date(2023, 12, 31)
PRICES = {"basic": 10, "plus": 20}
# An end is announced so many days before it, one as likely as the other.
NOTICE = range(1, 25)
# Of those who leave, the share that cancels; of those, the share that is cut off at once.
ANNOUNCE, AT_ONCE = 0.6, 0.15
# Of those who cancel for the end of the period, the share that pays after all.
REGRET = 0.08
PAUSE, YEAR = 0.05, 0.01
LAPSE = 30


@dataclass
class MadePeriod:
    """A paid period: until when, how it ends, and on which day that is said.

    Attributes:
        begins: Day of the payment that began it.
        ends: Day on which it ends, as the payment says.
        leaves: The chance that was drawn from.
        outcome: leave, pause, year or renew.
        said_on: Day on which the outcome shows; for a renewal, the day of the payment.
        is_cancelled: A leaver says so.
        is_at_once: The cancellation cuts the period off.
        renewed_on: Day of the next payment, if there is one.
        can_pause: It does not follow a pause.
    """

    begins: date
    ends: date
    leaves: float
    outcome: str
    said_on: date
    is_cancelled: bool = False
    is_at_once: bool = False
    renewed_on: date | None = None
    can_pause: bool = True


@dataclass
class MadeMember:
    """A customer's rows and periods."""

    name: str
    rows: list[tuple[date, int, list[str]]] = field(default_factory=list)
    usage: list[tuple[date, int]] = field(default_factory=list)
    periods: list[MadePeriod] = field(default_factory=list)

    def add(self, day: date, kind: str, plan: str, ends: date | None, paid: int) -> None:
        """Note a row, in the order in which rows of a day happened."""
        until = f"{ends:%d.%m.%Y}" if ends else ""
        self.rows.append((day, len(self.rows), [kind, plan, until, f"{paid}.00"]))


def _live(name: str, rng: np.random.Generator) -> MadeMember:
    """One customer from the first day to the last one of the files, or to the end."""
    member = MadeMember(name)
    plan = str(rng.choice(list(PRICES)))
    engaged = int(rng.integers(0, 3))
    day = FIRST + timedelta(days=int(rng.integers(0, 600)) if rng.random() < 0.75 else 0)
    ends, renewals, is_yearly, can_pause = day + timedelta(days=14), 0, False, True
    member.add(day, "trial_started", plan, ends, 0)
    while day <= LAST:
        # what shows of a period's hazard: plan, length, renewals so far, and how much the period
        # before was used, which is how much this one is used at first
        hazard = -2.3 + 0.5 * (plan == "plus") + (1.5, 0.0, -1.5)[engaged]
        hazard += 1.6 * (renewals == 0) - 0.7 * (renewals > 5) + 1.3 * is_yearly
        hazard += 1.0 * (not can_pause)
        leaves = float(1 / (1 + np.exp(-hazard)))
        period = _drawn(day, ends, leaves, can_pause, rng)
        member.periods.append(period)
        _use(member, day, period, engaged, rng)
        changed = min(day + timedelta(days=int(rng.integers(2, 10))), ends - timedelta(days=1))
        is_said = period.outcome != "renew" and period.said_on <= changed
        if not is_yearly and rng.random() < 0.03 and not is_said:
            # another plan for the rest of the period: paid for in part, the end stays
            plan = "plus" if plan == "basic" else "basic"
            member.add(changed, "plan_changed", plan, ends, 7 if plan == "plus" else 0)
        if period.outcome == "leave":
            if period.is_cancelled:
                until = period.said_on if period.is_at_once else None
                member.add(period.said_on, "subscription_cancelled", plan, until, 0)
                if period.is_at_once:
                    member.add(period.said_on, "refund", plan, None, PRICES[plan] // 2)
            elif renewals and rng.random() < 0.3:
                # the last payment is given back after the end: no renewal
                given_back = ends + timedelta(days=int(rng.integers(1, 12)))
                member.add(given_back, "refund", plan, None, PRICES[plan])
            if period.renewed_on is None:
                if rng.random() > 0.2:
                    break
                gone = ends if not period.is_at_once else period.said_on
                period.renewed_on = gone + timedelta(days=LAPSE + int(rng.integers(0, 60)))
            renewals, is_yearly, can_pause = 1, False, True
            day, ends = period.renewed_on, period.renewed_on + timedelta(days=30)
        elif period.outcome == "pause":
            day, ends, can_pause = period.said_on, ends + timedelta(days=30), False
            member.add(day, "paused", plan, ends, 0)
            continue
        elif period.outcome == "year":
            day, is_yearly, can_pause = period.said_on, True, True
            renewals += 1
            ends = day + timedelta(days=365)
            member.add(day, "plan_changed", plan, ends, 10 * PRICES[plan])
            engaged = min(max(engaged + int(rng.integers(-1, 2)), 0), 2)
            continue
        else:
            assert period.renewed_on is not None
            renewals += 1
            day, is_yearly, can_pause = period.renewed_on, False, True
            ends = ends + timedelta(days=30)
        member.add(day, "payment_succeeded", plan, ends, PRICES[plan])
        if rng.random() < 0.02:
            # money back for a fault, and the customer stays
            member.add(day + timedelta(days=3), "refund", plan, None, 5)
        if rng.random() < 0.15:
            engaged = min(max(engaged + int(rng.choice([-1, 1])), 0), 2)
    return member


def _drawn(
    day: date, ends: date, leaves: float, can_pause: bool, rng: np.random.Generator
) -> MadePeriod:
    stays = 1 - leaves
    pause, year = (PAUSE * stays, YEAR * stays) if can_pause else (0.0, 0.0)
    outcome = str(
        rng.choice(
            ["leave", "pause", "year", "renew"], p=[leaves, pause, year, 1 - leaves - pause - year]
        )
    )
    said = max(ends - timedelta(days=int(rng.integers(NOTICE.start, NOTICE.stop))), day)
    period = MadePeriod(day, ends, leaves, outcome, said, can_pause=can_pause)
    if outcome == "leave":
        period.is_cancelled = bool(rng.random() < ANNOUNCE)
        period.is_at_once = period.is_cancelled and bool(rng.random() < AT_ONCE)
        if period.is_cancelled and not period.is_at_once and rng.random() < REGRET:
            period.renewed_on = ends + timedelta(days=int(rng.integers(0, 4)))
        if not period.is_cancelled:
            period.said_on = ends + timedelta(days=LAPSE)
    if outcome == "renew":
        period.said_on = period.renewed_on = ends + timedelta(days=int(rng.integers(0, 4)))
    return period


def _use(
    member: MadeMember, day: date, period: MadePeriod, engaged: int, rng: np.random.Generator
) -> None:
    """Days of usage until the next period begins, by how much the customer is engaged."""
    until = period.said_on if period.outcome in ("pause", "year") else period.ends
    if period.is_at_once:
        until = period.said_on
    days = max((min(until, LAST + timedelta(days=1)) - day).days, 0)
    for n in np.flatnonzero(rng.random(days) < (0.1, 0.4, 0.8)[engaged]):
        member.usage.append((day + timedelta(days=int(n)), int(rng.integers(5, 120))))


def chance_of_leaving(period: MadePeriod, as_of: date) -> float:
    """Return the chance, given all before a cut-off, that the period ends in a lapse.

    Bayes on what was not said before the cut-off. A day of notice before the period begins is said
    on its first day.
    """
    if period.is_cancelled and period.said_on < as_of:
        return 1 - REGRET
    said = sum(max(period.ends - timedelta(days=n), period.begins) < as_of for n in NOTICE)
    silent = 1 - said / len(NOTICE)
    pause, year = (PAUSE, YEAR) if period.can_pause else (0.0, 0.0)
    leaves = period.leaves
    renews = (1 - leaves) * (1 - pause - year)
    cancels = leaves * ANNOUNCE * silent
    gone = leaves * (1 - ANNOUNCE) + cancels * (1 - (1 - AT_ONCE) * REGRET)
    unsaid = leaves * (1 - ANNOUNCE) + cancels + renews + (1 - leaves) * (pause + year) * silent
    return gone / unsaid


def cohort_outcomes(member: MadeMember, as_of: date) -> Iterator[tuple[float, bool]]:
    """Yield the chance and the outcome if the customer's period ends in the month of a cut-off."""
    known = [period for period in member.periods if period.begins < as_of]
    if not known:
        return
    period = known[-1]
    month = as_of.replace(month=as_of.month % 12 + 1, year=as_of.year + as_of.month // 12)
    is_over = period.is_at_once and period.said_on < as_of
    if is_over or not as_of <= period.ends < month:
        return
    lapsed = period.outcome == "leave" and (
        period.renewed_on is None
        or (
            (period.renewed_on - (period.said_on if period.is_at_once else period.ends)).days
            >= LAPSE
        )
    )
    yield chance_of_leaving(period, as_of), lapsed


def write_made_subscription(folder: Path, customers: int = 3_000, seed: int = 11) -> Counter[str]:
    """Write the invoices of each year, the usage, and the truth; return how many rows of each type.

    `truth/club.parquet` beside the folder holds customer_id, as_of_date, churn_probability, outcome
    (the label definition) and has_lapsed, for the first and the 16th of every month.
    """
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    members = [_live(f"C{number:05d}", rng) for number in range(customers)]
    counts: Counter[str] = Counter(customers=customers)
    rows = sorted(
        (day, member.name, place, values)
        for member in members
        for day, place, values in member.rows
        if day <= LAST
    )
    header = ["Booked On", "Member No", "Event Type", "Plan Name", "Paid Until", "Amount"]
    for year in (2022, 2023):
        with (folder / f"invoices_{year}.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(header)
            for day, name, _, values in rows:
                if day.year == year:
                    writer.writerow([f"{day:%d.%m.%Y}", name, *values])
                    counts[values[0]] += 1
    with (folder / "usage.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["member_no", "day", "minutes"])
        for member in members:
            writer.writerows((member.name, f"{day}", minutes) for day, minutes in member.usage)
    days = [
        date(year, month, day) for year in (2022, 2023) for month in range(1, 13) for day in (1, 16)
    ]
    truth = [
        (member.name, day, chance, "lapse", lapsed)
        for day in days
        for member in members
        for chance, lapsed in cohort_outcomes(member, day)
    ]
    names = ("customer_id", "as_of_date", "churn_probability", "outcome", "has_lapsed")
    table = pa.table(dict(zip(names, map(list, zip(*truth, strict=True)), strict=True)))
    (folder.parent / "truth").mkdir()
    pq.write_table(table, folder.parent / "truth" / "club.parquet")
    return counts
