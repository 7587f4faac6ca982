"""The features of kkbox__churn_examples for one member and cut-off, from their descriptions.

Written a row at a time, without windows or joins, so that it can be read beside the YAML.
"""

from datetime import date, timedelta
from typing import Any

from reference.exact import changes, minus, ratio, spread, total
from reference.identities import customers, ids_of
from reference.kkbox_labels import a_month_after, expiry_in_cohort, history_at
from reference.kkbox_listening import GRACE, active_days_last_year, listening
from reference.kkbox_rows import LogRow, Profile, Transaction, chosen, in_order
from reference.windows import back, covers, days_since
from reference.worlds import Coverage, World

Features = dict[str, Any]

VALUE_MONTHS = 6
METHODS = (41, 40, 39, 38, 37, 36, 34, 33, 31)
# seeds/kkbox_billing_outages.csv; method: known from, ended on
OUTAGES = {
    31: (date(2015, 4, 15), date(2015, 6, 30)),
    33: (date(2015, 4, 15), date(2015, 6, 30)),
    34: (date(2015, 4, 15), date(2015, 6, 30)),
    39: (date(2016, 3, 15), date(2016, 7, 31)),
}
# An expiry before the record begins is no expiry to measure a gap from.
ANCIENT = date(2015, 1, 1)


def features_of_all(world: World) -> dict[tuple[str, date], Features]:
    """Features of every member of every cohort, from rows before the knowledge cut-off."""
    found = {}
    for cut_off in world.cut_offs:
        for member in customers(world, "transactions", cut_off):
            ids = ids_of(world, "transactions", member, cut_off)
            logs = [row for one in ids for row in world.of("user_logs", one)]
            features = features_of(
                history_at(world, member, cut_off),
                [row for row in logs if row.date < world.known_before],
                chosen([profile for one in ids for profile in world.of("members", one)]),
                cut_off,
                world.cover("transactions", cut_off),
                world.cover("user_logs", cut_off),
            )
            if features is not None:
                found[member, cut_off] = features
    return found


def features_of(
    transactions: list[Transaction],
    logs: list[LogRow],
    profile: Profile | None,
    cut_off: date,
    payments_cover: Coverage | None,
    logs_cover: Coverage | None,
) -> Features | None:
    """Every feature of a member at a cut-off; None when the member is not in the cohort."""
    expiry = expiry_in_cohort(transactions, cut_off)
    if expiry is None:
        return None
    history = [row for row in in_order(transactions) if row.transaction_date < cut_off]
    return {
        "due_on": expiry,
        "customer_value": customer_value(history),
        **payment(history, cut_off, payments_cover),
        **plan(history),
        **membership(history, cut_off, expiry, payments_cover),
        **listening(logs, cut_off, logs_cover),
        **calendar(logs, cut_off, expiry, logs_cover),
        **profiled(profile, cut_off),
    }


# --------------------------------------------------------------------- payment


def payment(history: list[Transaction], cut_off: date, cover: Coverage | None) -> Features:
    """The payment__ features. A cancel repeats the amount of a purchase; it is no payment."""
    last = history[-1]
    method = last.payment_method_id
    in_90d = [row for row in history if row.transaction_date >= back(cut_off, 90)]
    in_365d = [row for row in history if row.transaction_date >= back(cut_off, 365)]
    knows_90d = covers(cover, cut_off, 90, grace=GRACE)
    knows_365d = covers(cover, cut_off, 365, grace=GRACE)
    return {
        "payment__is_auto_renew": renews_itself(last),
        "payment__is_cancelled": last.cancels,
        "payment__days_since_last_transaction": (cut_off - last.transaction_date).days,
        "payment__last_amount": last.actual_amount_paid,
        "payment__last_list_price": last.plan_list_price,
        "payment__last_discount": minus(last.plan_list_price, last.actual_amount_paid),
        "payment__is_last_zero_paid": last.actual_amount_paid == 0,
        "payment__is_last_expiry_before_transaction": expires_before_itself(last),
        **{
            f"payment__is_method_{known}": None if method is None else method == known
            for known in METHODS
        },
        "payment__is_method_other": None if method is None else method not in METHODS,
        "payment__is_method_in_outage": is_in_outage(method, cut_off),
        "payment__days_since_last_payment": days_since(
            (row.transaction_date for row in history if is_payment(row)), cut_off
        ),
        "payment__days_since_last_cancel": days_since(
            (row.transaction_date for row in history if row.cancels), cut_off
        ),
        "payment__transactions": len(history),
        "payment__transactions_90d": len(in_90d) if knows_90d else None,
        "payment__transactions_365d": len(in_365d) if knows_365d else None,
        "payment__amount_365d": (
            total(row.actual_amount_paid for row in in_365d if not row.cancels)
            if knows_365d
            else None
        ),
        "payment__zero_paid_share": ratio(
            sum(row.actual_amount_paid == 0 for row in history), len(history)
        ),
        "payment__cancels": sum(row.cancels for row in history),
        "payment__cancels_365d": sum(row.cancels for row in in_365d) if knows_365d else None,
        "payment__method_changes": changes(row.payment_method_id for row in history),
        "payment__auto_renew_changes": changes(renews_itself(row) for row in history),
        "payment__duplicate_rows": sum(map(is_repeated, history, history[1:])),
        "payment__expiry_before_transaction_rows": sum(map(expires_before_itself, history)),
        "payment__ancient_expiry_rows": sum(
            row.membership_expire_date < ANCIENT for row in history
        ),
    }


def renews_itself(row: Transaction) -> bool:
    """A missing flag is no automatic renewal."""
    return row.is_auto_renew == 1


def is_repeated(then: Transaction, now: Transaction) -> bool:
    """Two rows are the same to the letter, a missing flag being the same as 0."""
    then, now = (
        row._replace(is_auto_renew=renews_itself(row), is_cancel=row.cancels) for row in (then, now)
    )
    return then == now


def is_payment(row: Transaction) -> bool:
    """Money changes hands."""
    return not row.cancels and (row.actual_amount_paid or 0) > 0


def expires_before_itself(row: Transaction) -> bool:
    """A known flaw of the files."""
    return row.membership_expire_date < row.transaction_date


def is_in_outage(method: int | None, cut_off: date) -> bool:
    """What is learned on a day, an outage or its end, is known at cut-offs after that day."""
    if method not in OUTAGES:
        return False
    known_from, ended_on = OUTAGES[method]
    return known_from < cut_off <= ended_on


# ------------------------------------------------------------------------ plan


def plan(history: list[Transaction]) -> Features:
    """The plan__ features; the current plan is that of the last transaction."""
    last = history[-1]
    known_days = [row.payment_plan_days for row in history if row.payment_plan_days is not None]
    return {
        "plan__days": last.payment_plan_days,
        "plan__is_zero_days": last.payment_plan_days == 0,
        "plan__is_trial": is_trial(last),
        "plan__list_price_per_30d": per_30_days(last.plan_list_price, last.payment_plan_days),
        "plan__price_per_30d": per_30_days(last.actual_amount_paid, last.payment_plan_days),
        "plan__longest_days": max(known_days, default=None),
        "plan__changes": changes(row.payment_plan_days for row in history),
        "plan__price_changes": changes(row.plan_list_price for row in history),
        "plan__trials": sum(map(is_trial, history)),
        "plan__zero_days_rows": sum(row.payment_plan_days == 0 for row in history),
    }


def is_trial(row: Transaction) -> bool:
    """Under 30 days, and free."""
    return row.actual_amount_paid == 0 and 1 <= (row.payment_plan_days or 0) <= 29


def per_30_days(price: int | None, days: int | None) -> float | None:
    """A price per 30 days of the plan; not known for a plan of 0 days."""
    return None if price is None else ratio(price * 30, days)


def customer_value(history: list[Transaction]) -> float | None:
    """Price per 30 days of the last payment, times the value months.

    A plan of 0 days is priced as one of 30. Who never paid is worth the current plan's list price.
    """
    payments = [row for row in history if is_payment(row)]
    if payments:
        price, days = payments[-1].actual_amount_paid, payments[-1].payment_plan_days
    else:
        price, days = history[-1].plan_list_price, history[-1].payment_plan_days
    return ratio(max(price or 0, 0) * 30 * VALUE_MONTHS, days if (days or 0) > 0 else 30)


# ------------------------------------------------------------------ membership


def membership(
    history: list[Transaction], cut_off: date, expiry: date, cover: Coverage | None
) -> Features:
    """The membership__ features."""
    first, last = history[0], history[-1]
    gaps = [gap_before(history, at) for at in range(len(history))]
    known_gaps = [gap for gap in gaps if gap is not None]
    returns = [
        row.transaction_date
        for row, gap in zip(history, gaps, strict=True)
        if gap is not None and gap >= 30
    ]
    late = sum(1 <= gap <= 29 for gap in known_gaps)
    return {
        "membership__days_to_expiry": (expiry - cut_off).days,
        "membership__days_paid_ahead": (expiry - last.transaction_date).days,
        "membership__gap_at_last_transaction": gaps[-1],
        "membership__tenure_days": (cut_off - first.transaction_date).days,
        "membership__is_history_truncated": (
            None
            if cover is None
            else first.transaction_date <= cover.covered_from + timedelta(days=31)
        ),
        "membership__renewals": len(known_gaps),
        "membership__early_renewals": sum(gap < 0 for gap in known_gaps),
        "membership__late_renewals": late,
        "membership__late_share": ratio(late, len(known_gaps)),
        "membership__lapses": len(returns),
        "membership__lapses_365d": (
            sum(day >= back(cut_off, 365) for day in returns)
            if covers(cover, cut_off, 365, grace=GRACE)
            else None
        ),
        "membership__days_since_last_return": days_since(returns, cut_off),
        "membership__last_gap_days": known_gaps[-1] if known_gaps else None,
        "membership__largest_gap_days": max(known_gaps, default=None),
        "membership__mean_gap_days": ratio(sum(known_gaps), len(known_gaps)),
        "membership__gap_spread_days": spread(known_gaps),
    }


def gap_before(history: list[Transaction], at: int) -> int | None:
    """Days from the expiry of the row before to a purchase; null when there is none to renew."""
    if at == 0 or history[at].cancels:
        return None
    expiry = history[at - 1].membership_expire_date
    return None if expiry < ANCIENT else (history[at].transaction_date - expiry).days


# ------------------------------------------------------- calendar and profile


def calendar(logs: list[LogRow], cut_off: date, expiry: date, cover: Coverage | None) -> Features:
    """The calendar__ features."""
    return {
        "calendar__month": cut_off.month,
        "calendar__days_in_cohort_month": (a_month_after(cut_off) - cut_off).days,
        "calendar__expiry_day": expiry.day,
        "calendar__expiry_weekday": expiry.isoweekday(),
        "calendar__active_days_28d_last_year": active_days_last_year(logs, cut_off, cover),
    }


def profiled(profile: Profile | None, cut_off: date) -> Features:
    """The profile__ features; a profile that does not exist says nothing."""
    city, age, gender, channel, registered = profile or (None,) * len(Profile._fields)
    return {
        "profile__exists": profile is not None,
        "profile__days_since_registration": (
            (cut_off - registered).days if registered is not None and registered < cut_off else None
        ),
        "profile__age_years": age if age is not None and 5 <= age <= 100 else None,
        "profile__is_female": None if gender is None else gender.lower() == "female",
        "profile__is_city_1": None if city is None else city == 1,
        **{
            f"profile__is_channel_{code}": None if channel is None else channel == code
            for code in (3, 4, 7, 9)
        },
    }
