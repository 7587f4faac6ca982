"""Members made up to be awkward: every flaw of the raw files, and days next to every boundary.

The worlds come from a seed, many members each, because one run of the SQL costs as much for one
member as for a thousand.
"""

import random
from collections.abc import Iterable
from datetime import date, timedelta
from functools import partial
from typing import Any

from reference.frozen import Cohort, freeze
from reference.identities import make_map
from reference.kkbox_labels import PUBLISHED, a_month_after, expiry_in_cohort
from reference.kkbox_rows import FrozenLabel, LogRow, Profile, SuppliedLabel, Transaction
from reference.worlds import World

RECORD_BEGINS = date(2015, 1, 1)
EPOCH = date(1970, 1, 1)
METHODS = (41, 41, 41, 40, 39, 38, 37, 36, 34, 33, 31, 12, 3, None)
PLAN_DAYS = (30, 30, 30, 30, 31, 7, 7, 0, 0, 1, 10, 29, 90, 180, 195, 410, None)
PRICES = (149, 149, 99, 129, 180, 100, 0, 1200, 14, 1, -149, None)
# Days from an expiry to the purchase that follows it; 29, 30 and 31 decide about labels.
GAPS = (-45, -30, -10, -3, -1, 0, 0, 0, 0, 1, 2, 7, 28, 29, 29, 30, 30, 31, 31, 32, 60, 120)
# Price, days and method that read the same when they are written one after the other.
TWINS = (
    ((149, 0, 41), (14, 90, 41)),
    ((149, 3, 41), (149, 34, 1)),
    ((149, None, 41), (None, 149, 41)),
    ((149, 41, None), (149, None, 41)),
)
# Ages of log rows at a cut-off: first and last days of each window and their neighbours.
WINDOW_EDGES = (
    *(0, 1, 2, 6, 7, 8, 13, 14, 15, 27, 28, 29, 55, 56, 57, 89, 90, 91),
    *(*range(363, 368), *range(391, 397)),
)
SECONDS = (
    *(0.0, 0.49, 0.5, 1.5, 2.5, -0.5, -1.0, -300.25, 59.999, 4583.0, 43806.123, None),
    *(86_399.5, 86_400.0, 86_400.5, 86_401.0, 172_800.0, -9.2e15, 9.2e15),
)
SONGS = (0, 0, 1, 2, 5, 17, 60)
PROFILES: dict[str, tuple[Any, ...]] = {
    "city": (1, 1, 13, 5, None),
    "bd": (0, -7168, 2016, 4, 5, 6, 18, 35, 99, 100, 101, None),
    "gender": ("male", "female", "Female", None),
    "registered_via": (3, 4, 7, 9, 13, None),
    "registration_init_time": (None, date(2004, 3, 26), date(2010, 7, 1)),
}


def make_world(
    seed: int,
    members: int,
    cut_offs: list[date],
    known_before: date,
    *,
    payments_from: date | None = None,
    payments_before: date | None = None,
    logs_from: date | None = None,
    logs_before: date | None = None,
    with_logs: bool = True,
    published: bool = False,
    frozen: tuple[Cohort, ...] = (),
    holes: dict[str, tuple[date, ...]] | None = None,
    outcome_holes: tuple[tuple[date, date | None, date | None], ...] = (),
    with_map: bool = False,
) -> World:
    """Make a world; the same arguments make the same one.

    Args:
        seed: Decides everything random.
        members: Number of members.
        cut_offs: Cut-offs at which members are looked at; expiries are drawn close to them.
        known_before: Rows on or after this day are hidden by the SQL.
        payments_from: First day of the transactions, the first of 2015 if not given.
        payments_before: Day after the last day of the transactions, which go on if not given.
        logs_from: First day of the logs, likewise.
        logs_before: Day after the last day of the logs, which go on if not given.
        with_logs: Labels need none, and log rows are most of the work.
        published: Half of the members are in each file of published labels.
        frozen: Cohorts whose labels are on record: definition, cut-off, number of versions.
        holes: Days without rows of a table.
        outcome_holes: Days that keep cohorts open, and the cut-offs that they make unsure.
        with_map: Of every three members two become the third for a time, which begins and ends next
            to a cut-off or the days on which an outcome is known.
    """
    chance = random.Random(seed)
    missed = holes or {}
    # of its own, so that the members stay who they are
    later = random.Random(seed)
    payments_from, logs_from = payments_from or RECORD_BEGINS, logs_from or RECORD_BEGINS
    payments_before, logs_before = payments_before or date.max, logs_before or date.max
    transactions, logs, profiles = {}, {}, {}
    for number in range(members):
        member = _member_id(chance, number)
        cut_off = chance.choice(cut_offs)
        rows = _transactions(chance, cut_off)
        rows = [
            row
            for row in rows
            if payments_from <= row.transaction_date < payments_before
            and row.transaction_date not in missed.get("transactions", ())
        ]
        transactions[member] = _begun_blank(rows) if later.random() < 0.05 else rows
        if with_logs:
            rows = _logs(chance, cut_off)
            logs[member] = [
                row
                for row in rows
                if logs_from <= row.date < logs_before
                and row.date not in missed.get("user_logs", ())
            ]
            if chance.random() < 0.85:
                profiles[member] = _twice(later, _profile(chance, cut_off))
    world = World("kkbox", cut_offs, known_before)
    world.rows = {"transactions": transactions, "user_logs": logs, "members": profiles}
    world.outcome_holes = list(outcome_holes)
    world.put_on_record(
        "transactions", payments_from, payments_before, missed.get("transactions", ())
    )
    if with_logs:
        world.put_on_record("user_logs", logs_from, logs_before, missed.get("user_logs", ()))
    if published:
        world.rows |= {table: _published(later, transactions) for table in PUBLISHED}
    if frozen:
        freeze(world, later, frozen, _frozen)
    if with_map:
        world.identities = make_map(later, transactions, partial(_days_to_map, world))
    return world


def _days_to_map(world: World, members: tuple[str, ...]) -> list[date]:
    """Days next to a cut-off, and next to those on which outcomes of three members are known."""
    rows = [world.of("transactions", member) for member in members]
    rows += [rows[0] + rows[1], rows[1] + rows[2], rows[0] + rows[1] + rows[2]]
    days = [day + timedelta(days=by) for day in world.cut_offs for by in (-40, -1, 0, 1)]
    for cut_off in world.cut_offs:
        expiries = {expiry_in_cohort(of, cut_off) for of in rows} - {None}
        days += [day + timedelta(days=by) for day in sorted(expiries) for by in (29, 30, 31, 32)]
    return days


def _member_id(chance: random.Random, number: int) -> str:
    """Ids look like the real ones: base64 with `+` and `/`."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return "".join(chance.choices(letters, k=20)) + f"{number:07d}="


# ---------------------------------------------------------------- transactions


def _transactions(chance: random.Random, cut_off: date) -> list[Transaction]:
    """A life of purchases and cancels, then events close to one cut-off, in no order."""
    day = cut_off - timedelta(days=chance.choice((20, 40, 90, 91, 92, 200, 364, 365, 366, 500)))
    rows = [_purchase(chance, day)]
    while len(rows) < 40 and chance.random() < 0.97:
        day = rows[-1].membership_expire_date + timedelta(days=chance.choice(GAPS))
        if day <= rows[-1].transaction_date or day < RECORD_BEGINS:
            day = rows[-1].transaction_date + timedelta(days=chance.choice((0, 0, 1, 5, 30)))
        if day >= cut_off - timedelta(days=3):
            break
        rows.append(_next(chance, rows[-1], day))
    if chance.random() < 0.4:
        rows += _at_window_edges(chance, chance.choice(rows), cut_off)
    rows += _around_the_cut_off(chance, rows[-1], cut_off)
    if chance.random() < 0.5:
        rows += _ties(chance, rows)
    chance.shuffle(rows)
    return rows


def _begun_blank(rows: list[Transaction]) -> list[Transaction]:
    """The same, but the first rows say nothing that may be missing."""
    begins = min((row.transaction_date for row in rows), default=None)
    nothing = dict.fromkeys(
        ("payment_method_id", "payment_plan_days", "plan_list_price", "actual_amount_paid")
    )
    return [row._replace(**nothing) if row.transaction_date == begins else row for row in rows]


def _purchase(chance: random.Random, day: date) -> Transaction:
    days, price = chance.choice(PLAN_DAYS), chance.choice(PRICES)
    paid = price if chance.random() < 0.8 else chance.choice(PRICES)
    return Transaction(
        transaction_date=day,
        membership_expire_date=day + timedelta(days=days or 30),
        payment_method_id=chance.choice(METHODS),
        payment_plan_days=days,
        plan_list_price=price,
        actual_amount_paid=paid,
        is_auto_renew=chance.choice((1, 1, 1, 0, 0, None)),
        is_cancel=chance.choice((0, 0, 0, 0, 0, 0, 0, 0, 0, None)),
    )


def _next(chance: random.Random, before: Transaction, day: date) -> Transaction:
    """The next transaction: mostly more of the same, sometimes a cancel, sometimes nonsense."""
    row = before if chance.random() < 0.6 else _purchase(chance, day)
    expiry = max(day, before.membership_expire_date) + timedelta(days=row.payment_plan_days or 30)
    row = row._replace(
        transaction_date=day,
        membership_expire_date=expiry,
        is_cancel=chance.choice((0,) * 14 + (None,)),
    )
    kind = chance.random()
    if kind < 0.18:
        return _cancel(chance, before, day)
    if kind < 0.21:
        return row._replace(membership_expire_date=EPOCH)
    if kind < 0.25:
        return row._replace(membership_expire_date=day - timedelta(days=chance.randint(0, 40)))
    if kind < 0.27:
        return row._replace(membership_expire_date=date(2014, 12, 31) + timedelta(days=kind > 0.26))
    return row


def _cancel(chance: random.Random, before: Transaction, day: date) -> Transaction:
    expiry = before.membership_expire_date
    return before._replace(
        transaction_date=day,
        membership_expire_date=chance.choice(
            (
                *(day, day - timedelta(days=1), expiry, EPOCH),
                *(expiry - timedelta(days=n) for n in (1, 5, 30, 31)),
                expiry + timedelta(days=chance.randint(1, 40)),
            )
        ),
        is_cancel=1,
    )


def _at_window_edges(
    chance: random.Random, before: Transaction, cut_off: date
) -> list[Transaction]:
    """Rows on the first day of a window or beside it, some of them a return after a lapse."""
    rows = []
    for age in chance.sample((366, 365, 364, 91, 90, 89), chance.choice((1, 2))):
        day = cut_off - timedelta(days=age)
        if chance.random() < 0.4:
            expiry = day - timedelta(days=chance.choice((29, 30, 31)))
            start = expiry - timedelta(days=chance.choice((0, 10)))
            rows.append(_purchase(chance, start)._replace(membership_expire_date=expiry))
            rows.append(_purchase(chance, day))
        else:
            rows.append(_next(chance, before, day))
    return rows


def _around_the_cut_off(
    chance: random.Random, before: Transaction, cut_off: date
) -> list[Transaction]:
    """The row that sets the expiry at the cut-off, and what follows it."""
    month = (a_month_after(cut_off) - cut_off).days
    if chance.random() < 0.7:
        ahead = chance.randint(0, month - 1)
    else:
        ahead = chance.choice((-30, -1, 0, month - 1, month, month + 1))
    expiry = cut_off + timedelta(days=ahead)
    day = cut_off - timedelta(days=chance.choice((1, 1, 2, 3, 10, 29, 30, 31, 40)))
    if chance.random() < 0.85:
        day = max(day, before.transaction_date)
    last = _next(chance, before, day)
    rows = [last._replace(membership_expire_date=expiry)]
    now = cut_off
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3))):
        aim = expiry + timedelta(days=chance.choice(GAPS))
        now = max(now, aim) if chance.random() < 0.8 else now
        after = _next(chance, rows[-1], now)
        if chance.random() < 0.35:
            after = _cancel(chance, rows[-1], now)
        rows.append(after)
        if after.cancels:
            expiry = min(expiry, after.membership_expire_date)
            expiry = max(expiry, cut_off - timedelta(days=30))
    return rows


def _ties(chance: random.Random, rows: list[Transaction]) -> list[Transaction]:
    """Rows of the same day: exact duplicates, and rows that differ in a few columns only."""
    found = []
    for _ in range(chance.randint(1, 3)):
        row = chance.choice(rows)
        if chance.random() < 0.15:
            for price, days, method in chance.choice(TWINS):
                twin = row._replace(plan_list_price=price, payment_plan_days=days)
                found.append(twin._replace(payment_method_id=method))
            continue
        for _ in range(chance.choice((0, 1, 1, 2))):
            column = chance.choice(
                [name for name in Transaction._fields if name != "transaction_date"]
            )
            row = row._replace(**{column: _another(chance, row, column)})
        found.append(row)
    return found


def _another(chance: random.Random, row: Transaction, column: str) -> object:
    """Another value of one column, often one that only a careful comparison tells apart."""
    if column == "membership_expire_date":
        day = row.membership_expire_date + timedelta(days=chance.choice((-30, -1, 1, 5, 30)))
        return max(day, EPOCH)
    if column in ("is_auto_renew", "is_cancel"):
        return chance.choice((0, 1, 1, None))
    if column == "payment_method_id":
        return chance.choice(METHODS)
    if column == "payment_plan_days":
        return chance.choice((*PLAN_DAYS, -1))
    # as characters, 99 comes after 149 and after 1200
    return chance.choice((99, 149, 1200, 9, 0, -1, None))


# ------------------------------------------------------------ logs and profiles


def _logs(chance: random.Random, cut_off: date) -> list[LogRow]:
    """Days next to window edges, and days anywhere; some days twice."""
    ages = chance.sample(WINDOW_EDGES, chance.choice((0, 0, 3, 8, 20)))
    reach = chance.choice((28, 90, 420))
    ages += [chance.randint(-3, reach) for _ in range(chance.choice((0, 0, 1, 10, 40)))]
    wild = chance.random() < 0.3
    songs = (0,) if chance.random() < 0.05 else SONGS
    rows = []
    for age in ages:
        day = cut_off - timedelta(days=age)
        rows.append(_log_row(chance, day, songs, wild=wild))
        if chance.random() < 0.06:
            again = chance.random() < 0.5
            rows.append(rows[-1] if again else _log_row(chance, day, songs, wild=wild))
    chance.shuffle(rows)
    return rows


def _log_row(chance: random.Random, day: date, songs: tuple[int, ...], *, wild: bool) -> LogRow:
    seconds = round(chance.uniform(0, 20_000), 3)
    if wild and chance.random() < 0.4:
        seconds = chance.choice(SECONDS)
    counts = [chance.choice(songs) for _ in range(6)]
    if wild:
        counts = [None if chance.random() < 0.1 else count for count in counts]
    return LogRow(day, *counts, seconds)


def _profile(chance: random.Random, cut_off: date) -> Profile:
    return Profile(
        city=chance.choice(PROFILES["city"]),
        bd=chance.choice(PROFILES["bd"]),
        gender=chance.choice(PROFILES["gender"]),
        registered_via=chance.choice(PROFILES["registered_via"]),
        registration_init_time=chance.choice(
            (None, cut_off + timedelta(days=chance.randint(-3, 3)), date(2004, 3, 26))
        ),
    )


def _twice(chance: random.Random, profile: Profile) -> list[Profile]:
    """Most profiles are there once; the others differ in a column or two, or in nothing."""
    profiles = [profile]
    while chance.random() < 0.25:
        twin = chance.choice(profiles)
        for column in chance.sample(Profile._fields, chance.choice((0, 1, 1, 2))):
            twin = twin._replace(**{column: chance.choice(PROFILES[column])})
        profiles.append(twin)
    chance.shuffle(profiles)
    return profiles


# ------------------------------------------------- labels from files, and frozen


def _published(chance: random.Random, members: Iterable[str]) -> dict[str, list[SuppliedLabel]]:
    """Any outcome; a few members are named twice."""
    return {
        member: [SuppliedLabel(chance.choice((0, 1))) for _ in range(chance.choice((1, 1, 1, 2)))]
        for member in members
        if chance.random() < 0.5
    }


def _frozen(chance: random.Random, definition: str, cut_off: date, version: int) -> FrozenLabel:
    expiry = cut_off + timedelta(days=chance.randint(0, 27))
    return FrozenLabel(
        as_of_date=cut_off,
        label_definition=definition,
        expires_on=expiry,
        label_known_on=expiry + timedelta(days=chance.choice((30, 31))),
        is_churned=chance.random() < 0.5,
        rule_version=1,
        label_version=version,
    )
