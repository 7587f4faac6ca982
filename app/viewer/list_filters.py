"""The filters of the customer list: their widgets, their address, and what they choose."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import streamlit as st

from app.customer_conditions import CUSTOMERS, OF, conditions_on
from app.viewer import words
from app.viewer.context import Context
from app.viewer.published import columns, one, rows

# Named as the filters of the API's customer list, so that both mean the same customers.
Chosen = dict[str, Any]

PREDICTED, CANCELLED, EVERYBODY = "predicted", "already cancelled", "everybody"
ALL = "all"
DECISIONS = {"to contact": "treat", "in the control group": "hold_out", "not contacted": "leave"}
MARKED = {"marked": True, "not marked": False}
# The segment that the cohort is divided by; it has a filter of its own.
LADDER = "ladder"
# Keys of the widgets, which are the names in the address, and the filters that they hold.
LISTS = {
    "bands": "band",
    "actions": "action",
    "segments": "segment",
    "channels": "channel",
    "drivers": "driver",
}
NUMBERS = {
    "value": "min_customer_value",
    "value_to": "max_customer_value",
    "profit": "min_expected_profit",
    "predicted_value": "min_predicted_value",
}
DAYS = {
    "due_from": "due_from",
    "due_to": "due_to",
    "order_from": "next_order_from",
    "order_to": "next_order_to",
}
# In a link of our own: the list has these filters and no others.
ONLY = "only"
_USUAL: dict[str, Any] = {
    **{key: [] for key in (*LISTS, "kinds")},
    **dict.fromkeys((*NUMBERS, *DAYS)),
    "risk": (0.0, 100.0),
    "reason": "",
    "plan": ALL,
    "marks": ALL,
    "which": PREDICTED,
    "list": "scored now",
    "page": 1,
}
# Pixels of a filter; a row has as many as fit.
_NARROW, _WIDE = 188, 392
RISKS = ("min_probability", "max_probability")
# Filters that the page has.
SHOWN = {
    *(*LISTS.values(), *NUMBERS.values(), *DAYS.values(), *RISKS),
    *("reason", "already_cancelled", "decision", "do_not_contact", "part"),
}


@dataclass(frozen=True)
class Choices:
    """What can be chosen among a business's published customers.

    Attributes:
        lists: Key of a widget → code → title.
        parts: Kind of segment → its title, and code → title of its parts.
        has_cancels: Whether some customers have already cancelled.
        has_due: Whether some have a due date.
        published: Columns of `bi_customer_360`.
    """

    lists: Mapping[str, Mapping[str, str]]
    parts: Mapping[str, tuple[str, Mapping[str, str]]]
    has_cancels: bool
    has_due: bool
    published: frozenset[str]

    def titles_of(self, filter_name: str) -> Mapping[str, str]:
        """Return code → title of a filter that holds a list."""
        return next(self.lists[key] for key, name in LISTS.items() if name == filter_name)


def choices(page: Context) -> Choices:
    """Return what can be chosen."""
    facts = one(
        page.generation,
        "select bool_or(already_cancelled) as cancels, count(due_on) as due "
        "from bi_customer_360 where domain = ?",
        page.name,
    ) or {"cancels": False, "due": 0}
    kinds = rows(
        page.generation,
        """
        select segments.segment, codes.title, segment_value, segment_value_code
        from (
            select distinct segment, segment_value, segment_value_code
            from bi_customer_segments where domain = ? and segment_value_code is not null
        ) as segments
        left join bi_codes as codes on codes.kind = 'segment' and codes.code = segments.segment
        order by all
        """,
        page.name,
    )
    parts: dict[str, tuple[str, dict[str, str]]] = {}
    for row in kinds.itertuples():
        title = row.title if isinstance(row.title, str) else row.segment.replace("_", " ")
        of_kind = parts.setdefault(row.segment, (words.capitalised(title), {}))
        of_kind[1][row.segment_value_code] = row.segment_value
    parts.pop(LADDER, None)
    return Choices(
        {
            "bands": {band: band for band in words.BANDS},
            "actions": _titles(page, CUSTOMERS, "planned_action", "action_title"),
            "segments": _titles(page, CUSTOMERS, "ladder_part", "ladder_part"),
            "channels": _titles(page, CUSTOMERS, "channel", "replace(channel, '_', '-')"),
            "drivers": _titles(page, "bi_driver_importance", "driver_group", "group_title"),
        },
        parts,
        bool(facts["cancels"]),
        bool(facts["due"]),
        columns(page.generation, CUSTOMERS),
    )


def _titles(page: Context, table: str, code: str, title: str) -> dict[str, str]:
    found = rows(
        page.generation,
        f"select distinct {code} as code, {title} as title from {table} "
        f"where domain = ? and {code} is not null and {title} is not null order by title, code",
        page.name,
    )
    return dict(zip(found["code"], found["title"], strict=True))


def condition(domain: str, chosen: Chosen) -> tuple[str, list[Any]]:
    """Return the filters as a condition on `bi_customer_360`, and the values it binds."""
    where, values = conditions_on(CUSTOMERS, domain, chosen)
    return " and ".join(where), values


def unknown_names(offered: Choices, more: Mapping[str, list[str]]) -> list[str]:
    """Return the names in the address that do not exist, each with what it should be.

    Args:
        offered: What exists.
        more: Keys of other widgets of the page, and their choices.
    """
    known = {
        **{key: list(offered.lists[key].values()) for key in LISTS},
        "which": [PREDICTED, CANCELLED, EVERYBODY],
        "plan": [ALL, *DECISIONS],
        "marks": [ALL, *MARKED],
        "kinds": [title for title, _ in offered.parts.values()],
        **{_part_key(kind): list(of.values()) for kind, (_, of) in offered.parts.items()},
        **more,
    }
    called = {"bands": "risk band", "actions": "recommendation", "segments": "segment"}
    problems = []
    for key in st.query_params:
        values = st.query_params.get_all(key)
        name = called.get(key, key.removeprefix("part_").removesuffix("s").replace("_", " "))
        if key.startswith("part_") and key not in known:
            problems.append(f"the kind of segment “{name}”")
        elif key in known:
            problems += [f"the {name} “{v}”" for v in values if v and v not in known[key]]
        elif key in NUMBERS or key == "risk":
            problems += [f"“{v}” as {name}" for v in values if v and not _is_number(v)]
        elif key in DAYS:
            problems += [f"“{v}” as a day" for v in values if v and not _is_day(v)]
    return problems


def keep_only_asked() -> None:
    """Take filters of an earlier visit out of the session if a link of our own asks for others.

    Streamlit brings the filters of the last visit back beside those of a link within the session.
    """
    if ONLY not in st.query_params:
        return
    for key, usual in _USUAL.items():
        if key not in st.query_params and key in st.session_state:
            st.session_state[key] = usual
    del st.query_params[ONLY]


def forget_address() -> None:
    """Take all filters out of the address and the session."""
    for key in [*st.query_params]:
        if key != "business":
            del st.query_params[key]
    for key in [*st.session_state]:
        if key in _keys() or str(key).startswith("part_"):
            del st.session_state[key]


def _keys() -> set[str]:
    named = {"which", "plan", "marks", "kinds", "risk", "reason", "sort", "columns", "page", "list"}
    return named | set(LISTS) | set(NUMBERS) | set(DAYS)


def choose(page: Context, offered: Choices) -> Chosen:
    """Show the filters and return what is chosen."""
    chosen: Chosen = {}
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            chosen["band"] = _several(offered, "bands", "Risk band")
            chosen["segment"] = _several(offered, "segments", "Segment")
            chosen["action"] = _several(offered, "actions", "Recommendation", _WIDE)
            if offered.has_cancels:
                which = st.segmented_control(
                    "Show",
                    [PREDICTED, CANCELLED, EVERYBODY],
                    default=PREDICTED,
                    required=True,
                    key="which",
                    bind="query-params",
                    help="Customers who have already cancelled leave unless something changes. The "
                    "others are predictions.",
                )
                chosen["already_cancelled"] = {PREDICTED: False, CANCELLED: True}.get(str(which))
        with st.expander("More filters", icon=":material/tune:", expanded=_is_more_asked()):
            with st.container(horizontal=True, vertical_alignment="bottom"):
                chosen |= _more(page, offered)
            chosen["part"] = _parts(offered)
    return {name: value for name, value in chosen.items() if value not in (None, [], "")}


def _more(page: Context, offered: Choices) -> Chosen:
    chosen: Chosen = {}
    decision = st.selectbox(
        "Plan",
        [ALL, *DECISIONS],
        key="plan",
        bind="query-params",
        width=_NARROW,
    )
    chosen["decision"] = DECISIONS.get(decision)
    chosen["channel"] = _several(offered, "channels", "Channel")
    mark = st.selectbox(
        "Do not contact",
        [ALL, *MARKED],
        key="marks",
        bind="query-params",
        width=_NARROW,
    )
    chosen["do_not_contact"] = MARKED.get(mark)
    for key, label in (
        ("value", "Minimum customer value"),
        ("value_to", "Maximum customer value"),
        ("profit", "Minimum expected profit"),
    ):
        chosen[NUMBERS[key]] = _amount(key, f"{label}, {page.currency}")
    if offered.has_due:
        chosen["due_from"] = _day("due_from", "Due from")
        chosen["due_to"] = _day("due_to", "Due to")
    elif "expected_next_order_on" in offered.published:
        chosen["next_order_from"] = _day("order_from", "Next order from")
        chosen["next_order_to"] = _day("order_to", "Next order to")
    if "predicted_value" in offered.published:
        label = f"Minimum predicted value, {page.currency}"
        chosen["min_predicted_value"] = _amount("predicted_value", label)
    chosen["reason"] = st.text_input(
        "Reason contains",
        key="reason",
        bind="query-params",
        max_chars=100,
        placeholder="a word from a reason",
        width=_NARROW,
    ).strip()
    chosen["driver"] = _several(offered, "drivers", "Driver that raises the risk", _WIDE)
    return chosen


def _several(offered: Choices, key: str, label: str, width: int = _NARROW) -> list[str]:
    titles = offered.lists[key]
    options = list(dict.fromkeys(titles.values()))
    asked = st.multiselect(label, options, key=key, bind="query-params", width=width)
    return [code for code, title in titles.items() if title in asked]


def _amount(key: str, label: str) -> int | None:
    amount = st.number_input(
        label,
        min_value=0,
        value=None,
        step=100,
        key=key,
        bind="query-params",
        placeholder="any",
        width=_NARROW,
    )
    return amount if amount is None else int(amount)


def _day(key: str, label: str) -> str | None:
    day = st.date_input(
        label,
        value=None,
        key=key,
        bind="query-params",
        format="YYYY-MM-DD",
        width=_NARROW,
    )
    return day.isoformat() if day else None


def _parts(offered: Choices) -> list[str]:
    """Show kinds of segments, then the parts of those that are chosen."""
    if not offered.parts:
        return []
    kinds = {title: kind for kind, (title, _) in offered.parts.items()}
    found = []
    with st.container(horizontal=True, vertical_alignment="bottom"):
        asked = st.multiselect(
            "More segments",
            list(kinds),
            key="kinds",
            bind="query-params",
            width=_WIDE,
        )
        for title in asked:
            kind, titles = kinds[title], offered.parts[kinds[title]][1]
            parts = st.multiselect(
                title,
                list(titles.values()),
                key=_part_key(kind),
                bind="query-params",
                width=_WIDE,
            )
            found += [f"{kind}{OF}{code}" for code, part in titles.items() if part in parts]
    return found


def _part_key(kind: str) -> str:
    return f"part_{kind}"


def _is_more_asked() -> bool:
    """Whether the address has one of the filters that are folded away."""
    folded = {"plan", "channels", "marks", "reason", "drivers", "kinds", *NUMBERS, *DAYS}
    return any(key in folded for key in st.query_params)


def risk_range(key: str = "risk") -> Chosen:
    """Show the slider of risks and return its filters."""
    low, high = st.slider(
        "Risk, %",
        min_value=0.0,
        max_value=100.0,
        value=(0.0, 100.0),
        step=0.1,
        format="%.1f",
        key=key,
        bind="query-params",
    )
    chosen = {
        "min_probability": round(low / 100, 3) if low > 0 else None,
        "max_probability": round(high / 100, 3) if high < 100 else None,
    }
    return {name: value for name, value in chosen.items() if value is not None}


def state_of(offered: Choices, chosen: Chosen) -> dict[str, Any] | None:
    """Return the state of the widgets for filters, None if they cannot show them."""
    risks = [100 * chosen.get(name, usual) for name, usual in zip(RISKS, (0, 1), strict=True)]
    amounts = [chosen[name] for name in NUMBERS.values() if name in chosen]
    cancelled = chosen.get("already_cancelled")
    can_be_shown = (
        set(chosen) <= SHOWN
        and all(abs(risk - round(risk, 1)) < 1e-6 for risk in risks)
        and all(amount == int(amount) for amount in amounts)
        and (offered.has_cancels or cancelled is None)
        and (offered.has_due or not {"due_from", "due_to"} & set(chosen))
        # the published tables may no longer have them
        and all(
            set(chosen.get(name, [])) <= set(offered.titles_of(name)) for name in LISTS.values()
        )
        and all(
            part.partition(OF)[2] in offered.parts.get(part.partition(OF)[0], ("", {}))[1]
            for part in chosen.get("part", [])
        )
    )
    if not can_be_shown:
        return None
    state: dict[str, Any] = {
        key: list(dict.fromkeys(offered.lists[key][code] for code in chosen.get(name, [])))
        for key, name in LISTS.items()
    }
    state |= {
        key: None if chosen.get(name) is None else int(chosen[name])
        for key, name in NUMBERS.items()
    }
    state |= {
        key: None if chosen.get(name) is None else date.fromisoformat(str(chosen[name]))
        for key, name in DAYS.items()
    }
    state["risk"] = (round(risks[0], 1), round(risks[1], 1))
    state["reason"] = chosen.get("reason", "")
    state["plan"] = _key_of(DECISIONS, chosen.get("decision"))
    state["marks"] = _key_of(MARKED, chosen.get("do_not_contact"))
    if offered.has_cancels:
        state["which"] = {False: PREDICTED, True: CANCELLED}.get(cancelled, EVERYBODY)  # type: ignore[arg-type]
    by_kind: dict[str, list[str]] = {}
    for part in chosen.get("part", []):
        kind, _, code = part.partition(OF)
        by_kind.setdefault(kind, []).append(offered.parts[kind][1][code])
    state["kinds"] = [offered.parts[kind][0] for kind in by_kind]
    return state | {_part_key(kind): parts for kind, parts in by_kind.items()}


def link(page: Context, offered: Choices, chosen: Chosen) -> dict[str, Any]:
    """Return the query parameters of an address that shows the list with filters.

    Raises:
        ValueError: The page does not have these filters.
    """
    state = state_of(offered, chosen)
    if state is None:
        raise ValueError(f"the list has no filter for {chosen}")
    asked: dict[str, Any] = {"business": str(page.domain["title"]), ONLY: "1"}
    for key, value in state.items():
        if key == "risk":
            if value != (0.0, 100.0):
                asked[key] = [str(one) for one in value]
        elif key == "which":
            if value != PREDICTED:
                asked[key] = value
        elif value not in (None, "", [], ALL):
            asked[key] = str(value) if isinstance(value, int | date) else value
    return asked


def _key_of(named: Mapping[str, Any], value: Any) -> str:
    return next((key for key, one in named.items() if one == value), ALL)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True
