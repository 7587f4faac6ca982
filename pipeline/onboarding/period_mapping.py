"""Fills the templates of a subscription: sources, staging, entry and actions of a domain."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from pipeline.onboarding.columns import FoundColumn
from pipeline.onboarding.definitions import LEAST, USUAL
from pipeline.onboarding.files import FoundTable
from pipeline.onboarding.filling import (
    NOTHING,
    filled,
    price_tag,
    round_amount,
    shown_price,
    source_column,
    value_cuts,
    with_words_for_nothing,
    yaml_text,
)
from pipeline.onboarding.lapses import Lapse
from pipeline.onboarding.mapping import Assumptions, DomainTexts
from pipeline.onboarding.periods import (
    PeriodProfile,
    PeriodTable,
    RowSql,
    UsageTable,
    any_of,
)
from pipeline.onboarding.subscription_shapes import TRIAL_DAYS
from pipeline.project.duck import listed

_VALUE_MONTHS = 6
_WIDTH = 100


def map_periods(
    name: str,
    found: PeriodTable,
    usage: UsageTable | None,
    profile: PeriodProfile,
    lapse: Lapse,
    words: Assumptions,
) -> DomainTexts:
    """Return the texts of a subscription.

    Args:
        name: The domain.
        found: Its table of billing periods.
        usage: Its table of usage, if there is one.
        profile: What the periods are like.
        lapse: What the kind's definition of leaving makes of them.
        words: What the files cannot say.
    """
    columns = _columns(found.columns, found.roles, _MEANS | _end_means(found))
    tables = [_table(found.table, found.roles["time"], columns, _amounts(found), is_anchor=True)]
    facts: dict[str, Any] = {
        **found.roles,
        "name": name,
        "title": words.title,
        "title_yaml": yaml_text(words.title),
        "table": found.table.name,
        "day": _day_name(found.roles["time"]),
        "usage": None,
        **_staging(found),
        **_entry(found, profile, lapse, words),
    }
    if usage:
        roles = usage.roles
        facts["usage"] = _usage(usage)
        tables.append(
            _table(
                usage.table,
                roles["usage_day"],
                _columns(usage.columns, roles, _USAGE_MEANS),
                "",
                is_anchor=False,
            )
        )
    together = with_words_for_nothing([column for table in tables for column in table["columns"]])
    for table in tables:
        table["columns"], together = (
            together[: len(table["columns"])],
            together[len(table["columns"]) :],
        )
    facts |= {
        "tables": tables,
        "event_tables": ", ".join(f"'{table['name']}'" for table in tables),
    }
    shapes = ("event_days", "periods", "payments", *(("usage",) if usage else ()))
    files = {f"_{name}__sources.yml": filled("subscription/sources.yml", facts)} | {
        f"staging/stg_{name}__{shape}.sql": filled(f"subscription/{shape}.sql", facts)
        for shape in shapes
    }
    return DomainTexts(
        files,
        filled("subscription/entry.yml", facts),
        filled("subscription/actions.csv", facts | _costs(found, profile, words)),
    )


# sources

_MEANS = {
    "customer": ("varchar", "Customer."),
    "time": ("", "of the row"),
    "expires": ("", "on which the paid period ends"),
    "starts": ("", "on which the paid period begins"),
    "type": ("varchar", "What the row is."),
    "cancel": ("varchar", "Whether the row cancels."),
    "trial": ("varchar", "Whether the period is a trial."),
    "refund": ("varchar", "Whether the row gives money back."),
    "auto_renew": ("varchar", "Whether it renews by itself."),
    "amount": ("double", "Amount that was paid; a negative one gives money back."),
    "list_price": ("double", "Price of the plan before discounts."),
    "plan_days": ("integer", "Days that the plan has."),
    "plan": ("varchar", "Plan."),
    "method": ("varchar", "How it is paid."),
    "currency": ("varchar", "Currency of the amounts. A file has one."),
}
_USAGE_MEANS = {
    "usage_customer": ("varchar", "Customer."),
    "usage_day": ("", "of the usage"),
    "usage_seconds": ("double", "Seconds of usage."),
    "usage_minutes": ("double", "Minutes of usage."),
    "usage_hours": ("double", "Hours of usage."),
    "usage_count": ("integer", "How many things were used."),
}


def _end_means(found: PeriodTable) -> dict[str, tuple[str, str]]:
    return {"expires": ("", "that is the last paid one")} if found.ends_on_last_day else {}


def _day_name(time: FoundColumn | None) -> str:
    assert time is not None  # noqa: S101 - a needed role
    return time.name if time.holds == "day" else f"{time.name}_day"


def _table(
    table: FoundTable,
    time: FoundColumn | None,
    columns: list[dict[str, str]],
    amounts: str,
    *,
    is_anchor: bool,
) -> dict[str, Any]:
    """A table as the template of the sources takes it."""
    assert time is not None  # noqa: S101 - a needed role
    return {
        "name": table.name,
        "files": ", ".join(table.patterns),
        "patterns": "[" + ", ".join(yaml_text(pattern) for pattern in table.patterns) + "]",
        "required": "true" if is_anchor else "false",
        "time": time.name,
        "day": _day_name(time),
        "is_anchor": is_anchor,
        "amounts": amounts,
        "columns": columns,
    }


def _columns(
    columns: list[FoundColumn],
    roles: Mapping[str, FoundColumn | None],
    means: Mapping[str, tuple[str, str]],
) -> list[dict[str, str]]:
    """The columns with a role, in the order of the files."""
    by_column = {column: role for role, column in roles.items() if column}
    made = []
    for column in columns:
        role = by_column.get(column)
        if role is None:
            continue
        kind, text = means[role]
        meta = {} if column.name == column.header else {"header": yaml_text(column.header)}
        is_time = role in ("time", "usage_day")
        if not kind:
            kind = "date" if column.holds == "day" else "timestamp"
            if is_time:
                meta["not_null"] = "true"
            if column.format:
                meta["format"] = yaml_text(column.format)
            text = f"{'Day' if kind == 'date' else 'Moment, UTC,'} {text}."
        elif role in ("customer", "usage_customer"):
            meta |= {"not_null": "true", "nothing": NOTHING}
        elif role == "type":
            values = ", ".join(yaml_text(value) for value, _ in column.values)
            meta |= {"not_null": "true", "values": f"[{values}]"}
        elif kind == "varchar":
            meta |= {"required": "false", "nothing": NOTHING}
        elif kind == "double":
            meta |= {"min": "-1.0e12", "max": "1.0e12"}
        else:
            meta |= {"min": "-1000000", "max": "1000000"}
        made.append(source_column(column.name, kind, text, meta))
        if is_time and kind == "timestamp":
            derived = {"not_null": "true", "date_of": column.name}
            made.append(source_column(_day_name(column), "date", "Day of the row, UTC.", derived))
    return made


def _amounts(found: PeriodTable) -> str:
    """What ingest checks the size of amounts by."""
    roles = found.roles
    money, per = roles["list_price"] or roles["amount"], roles["plan"] or roles["plan_days"]
    if money is None:
        return ""
    parts = {"price": money.name}
    if per:
        parts["per"] = per.name
    if roles["currency"]:
        parts["currency"] = roles["currency"].name
    return "{" + ", ".join(f"{key}: {value}" for key, value in parts.items()) + "}"


# staging


def _staging(found: PeriodTable) -> dict[str, Any]:
    """The expressions of the models of periods and payments."""
    roles = found.roles
    time, expires, kind = roles["time"], roles["expires"], roles["type"]
    assert time is not None and expires is not None  # noqa: S101 - needed roles
    sql = RowSql(found, lambda column: f"source.{column.name}", lambda c: f"source.{c.name}")
    ends = _as_day(expires)
    if found.ends_on_last_day:
        ends = f"{{{{ add_days('{ends}', 1) }}}}"
    starts = _as_day(time)
    if roles["starts"]:
        starts = f"coalesce({_as_day(roles['starts'])}, {starts})"
    conditions = []
    if kind:
        conditions.append(_lines(f"source.{kind.name} in ({listed(found.words.known)})", 8))
    if sql.is_refund:
        # the brackets of several conditions are those of the negation
        refunds = _either(sql.is_refund, 12)
        conditions.append(_either([*sql.is_cancel, f"not {refunds}"], 8))
    days, amount = roles["plan_days"], roles["amount"]
    return {
        "kind": kind,
        "conditions": conditions,
        "row_condition": conditions[0] if kind else "",
        "starts": starts,
        "expires": ends,
        "plan_days": f"source.{days.name}" if days else "cast(null as integer)",
        "list_price": _whole(roles["list_price"]),
        "amount": _whole(amount),
        "cents": f"cast(round(source.{amount.name} * 100) as bigint)"
        if amount
        else "cast(0 as bigint)",
        "method": _text(roles["method"]),
        "auto_renew": sql.flag("auto_renew") or "cast(null as boolean)",
        "cancel": _either(sql.is_cancel, 8),
        "refund": _either(sql.is_refund, 8),
        "change": _either(sql.is_change, 8),
        "trial": _either(sql.is_trial or _free(found, sql, starts, ends), 8),
        "day_order": _day_order(found, sql),
    }


def _free(found: PeriodTable, sql: RowSql, starts: str, ends: str) -> list[str]:
    """The condition of a trial where the files do not say: a short period for nothing."""
    if found.roles["amount"] is None:
        return []
    if found.ends_on_last_day:
        ends = _as_day(found.roles["expires"])
    days = f"{{{{ days_between('{starts}', '{ends}') }}}}"
    return [f"coalesce({sql.amount} = 0 and {days} between 1 and {TRIAL_DAYS}, false)"]


def _day_order(found: PeriodTable, sql: RowSql) -> str:
    """A text that is higher, the earlier a row of a day was; a payment goes before a change."""
    time = found.roles["time"]
    assert time is not None  # noqa: S101 - a needed role
    rank = "'3'"
    cases = [
        f"            when {_lines(any_of(says), 12)} then '{place}'\n"
        for place, says in ((1, sql.is_cancel), (2, sql.is_change))
        if says
    ]
    if cases:
        rank = f"case\n{''.join(cases)}            else '3'\n        end"
    if time.holds == "day":
        return rank
    parts = [
        f"cast(99 - extract({part} from source.{time.name}) as varchar)\n        || "
        for part in ("hour", "minute", "second")
    ]
    return "".join(parts) + rank


def _either(conditions: list[str], indent: int) -> str:
    """Conditions joined by or, on lines of their own where there are several."""
    if len(conditions) < 2:
        return _lines(conditions[0], indent) if conditions else "false"
    pad = " " * indent
    joined = f"\n{pad}    or ".join(_lines(condition, indent + 4) for condition in conditions)
    return f"(\n{pad}    {joined}\n{pad})"


def _lines(condition: str, indent: int) -> str:
    """A long list of words with a line for each."""
    is_one = condition.count(" in (") == 1 and "\n" not in condition
    if len(condition) + indent <= _WIDTH - 20 or not is_one:
        return condition
    head, _, rest = condition.partition(" in (")
    pad = " " * indent
    words = rest.removesuffix(")").replace("', '", f"',\n{pad}    '")
    return f"{head} in (\n{pad}    {words}\n{pad})"


def _as_day(column: FoundColumn | None) -> str:
    assert column is not None  # noqa: S101 - asked for where there is one
    name = f"source.{column.name}"
    return name if column.holds == "day" else f"cast({name} as date)"


def _whole(column: FoundColumn | None) -> str:
    return f"cast(round(source.{column.name}) as bigint)" if column else "cast(null as bigint)"


def _text(column: FoundColumn | None) -> str:
    return f"source.{column.name}" if column else "cast(null as varchar)"


_SECONDS = {"usage_seconds": 1, "usage_minutes": 60, "usage_hours": 3600}


def _usage(usage: UsageTable) -> dict[str, str]:
    """The expressions of the model of usage."""
    roles = usage.roles
    customer, count = roles["usage_customer"], roles["usage_count"]
    assert customer is not None  # noqa: S101 - a needed role
    seconds = next(
        (
            f"cast(round(coalesce(source.{column.name}, 0) * {factor}) as bigint)"
            for role, factor in _SECONDS.items()
            if (column := roles[role])
        ),
        "cast(null as bigint)",
    )
    return {
        "table": usage.table.name,
        "customer": customer.name,
        "day": _day_name(roles["usage_day"]),
        "seconds": seconds,
        "count": f"cast(coalesce(source.{count.name}, 0) as bigint)"
        if count
        else "cast(null as bigint)",
    }


# entry


def _entry(
    found: PeriodTable, profile: PeriodProfile, lapse: Lapse, words: Assumptions
) -> dict[str, Any]:
    """What the entry says beside its words."""
    rate = min(max(lapse.churn_rate if lapse.churn_rate is not None else 0.1, 0.005), 0.95)
    high = min(3 * rate, rate + 0.3 * (1 - rate))
    critical = 0.5 if high < 0.4 else (1 + high) / 2
    digits = 2 if rate > 0.05 else 3
    knows_auto_renew = found.roles["auto_renew"] is not None
    hand_rule = [
        *(["payment__is_auto_renew"] if knows_auto_renew else []),
        *(["payment__is_cancelled"] if found.can_cancel else []),
        "plan__days",
    ]
    minimum = USUAL if lapse.fit else LEAST
    prices = profile.month_price
    return {
        "timezone": words.timezone,
        "least_history_days": 90 if (profile.last_day - profile.first_day).days > 365 else 0,
        "currency_yaml": yaml_text(words.currency),
        "gross_margin": words.gross_margin,
        "can_cancel": found.can_cancel,
        "knows_auto_renew": knows_auto_renew,
        "has_trials": profile.trials > 0,
        "has_money": prices is not None,
        "hand_rule": ", ".join(hand_rule),
        "bands": (round(critical, digits), round(high, digits), round(0.8 * rate, digits)),
        "because": f"about {rate * 100:.0f} of 100 customers leave at the end of a period, and "
        "high begins well above that",
        "minimum": "{"
        + ", ".join(f"{key}: {value}" for key, value in minimum.given().items())
        + "}",
        "period_start": profile.last_day + timedelta(days=1),
        "budget": round_amount(0.02 * profile.last_month) if profile.last_month else 0,
        **value_cuts(
            (prices[0] * _VALUE_MONTHS, prices[1] * _VALUE_MONTHS) if prices else None,
            words.currency,
        ),
    }


def _costs(found: PeriodTable, profile: PeriodProfile, words: Assumptions) -> dict[str, Any]:
    """Costs of the actions as shares of a typical payment, all assumptions to replace."""
    month = profile.month_price[0] if profile.month_price else 20.0
    small, half = price_tag(0.1 * month), price_tag(0.5 * month)
    stays = "not_cancelled" if found.can_cancel else ""
    return {
        "reminded": "auto_renew_off" if found.roles["auto_renew"] else stays,
        "stays": stays,
        "mail": f"{max(0.002 * month, 0.01):.2f}",
        "call": f"{price_tag(0.3 * month):g}",
        "small": f"{small:g}",
        "half": f"{half:g}",
        "half_shown": f"{words.currency}{shown_price(half)}",
        "offer_from": 0.2,
        "call_value": f"{price_tag(6 * month):g}",
    }
