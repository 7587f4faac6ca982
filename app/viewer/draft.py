"""Drafts of the plan: the settings of one, and the saved ones."""

from typing import Any

import pandas as pd
import streamlit as st

from app.customer_conditions import OF
from app.viewer import client, files, words
from app.viewer.context import Context
from app.viewer.published import Row, Titles, rows

Settings = dict[str, Any]
# What an audience may ask of customers and a plan, too: its name there → its name here.
_OF_AN_AUDIENCE = {
    "band": "bands",
    "min_probability": "min_probability",
    "max_probability": "max_probability",
    "min_customer_value": "min_value",
    "due_from": "due_from",
    "due_to": "due_to",
    "at_risk": "at_risk",
    "already_cancelled": "already_cancelled",
    "part": "parts",
    "segment": "parts",
}
_ALL = "All customers"


def settings(page: Context, published: Row) -> Settings | None:
    """Show the settings of a plan; return those of a draft, None while nothing is changed.

    Args:
        page: What the page shows.
        published: The published plan's row of `bi_retention_budget`.
    """
    actions = _actions(page)
    key = f"draft_{page.name}"
    with st.container(border=True):
        first, second = st.columns(2)
        budget = first.number_input(
            f"Budget, {page.currency}",
            min_value=0.0,
            value=float(published["budget"]),
            step=100.0,
            format="%.2f",
            key=f"{key}_budget",
            help="Limit on expected spend of the whole period.",
        )
        share = second.slider(
            "Control group, %",
            min_value=0,
            max_value=50,
            value=round(100 * published["holdout_share"]),
            key=f"{key}_holdout",
            help="Customers whom the plan chooses, but who are drawn at random and not contacted. "
            "Only the difference between them and the contacted customers shows what contacts do. "
            "Customers who were drawn already stay in their group until the period ends.",
        )
        first, second, third = st.columns(3)
        audience = first.selectbox(
            "Audience",
            [_ALL, *_audiences(page)],
            key=f"{key}_audience",
            help="All customers, or a saved audience of the customer list. Audiences that ask for "
            "what the plan itself decides (recommendation, plan, profit), or for words of a "
            "reason, are not offered.",
        )
        chosen = second.multiselect(
            "Actions",
            list(actions),
            format_func=actions.__getitem__,
            key=f"{key}_actions",
            placeholder="All actions",
        )
        channels = third.multiselect(
            "Channels",
            _channels(page),
            format_func=words.channel,
            key=f"{key}_channels",
            placeholder="All channels",
        )
    whom = {} if audience == _ALL else _audiences(page)[audience]
    given: Settings = {"actions": chosen, "channels": channels, **_of_plan(page, whom)}
    asked: Settings = {}
    if budget != published["budget"]:
        asked["budget"] = budget
    if share != round(100 * published["holdout_share"]):
        asked["holdout"] = share / 100
    if filters := {name: value for name, value in given.items() if value != []}:
        asked["filter"] = filters
    return asked or None


def _of_plan(page: Context, audience: Settings) -> Settings:
    """Return the filters of an audience as a plan names them."""
    found: Settings = {}
    for name, value in audience.items():
        if name in ("segment", "part"):
            codes = _ladder(page) if name == "segment" else {}
            parts = [codes.get(part, part) for part in value]
            found["parts"] = [*found.get("parts", []), *parts]
        else:
            found[_OF_AN_AUDIENCE[name]] = value
    return found


def computed(page: Context, asked: Settings) -> tuple[Row, pd.DataFrame, pd.DataFrame] | None:
    """Return a draft's figures, lines and alternatives; None, and why, where there are none."""
    try:
        with st.spinner("Calculating the plan …"):
            answer = _computed(page.generation.name, page.name, asked)
    except client.UnavailableError as problem:
        st.error(str(problem))
        return None
    return answer["budget"], pd.DataFrame(answer["items"]), pd.DataFrame(answer["alternatives"])


def save_form(page: Context, asked: Settings) -> None:
    """Offer to save a draft under a name."""
    with st.form(f"save_draft_{page.name}", border=False, clear_on_submit=True):
        first, second = st.columns([4, 1], vertical_alignment="bottom")
        name = first.text_input("Save this draft as", max_chars=100)
        if second.form_submit_button("Save draft", width="stretch"):
            if not name.strip():
                st.error("Please enter a name. Others find the draft by it.")
            elif "/" in name:
                st.error("Please leave out the slash.")
            else:
                client.show_change(lambda: client.save_draft(page.name, name.strip(), asked))


def saved_drafts(page: Context, published: Row) -> None:
    """Show the saved drafts beside the published plan, and what can be done with one."""
    st.subheader("Saved drafts")
    try:
        kept = client.drafts(page.name)
    except client.UnavailableError as problem:
        st.info(str(problem))
        return
    if not kept:
        st.caption("No saved drafts yet. Change the settings above, then save them as a draft.")
        return
    st.dataframe(
        pd.DataFrame([_line("Published plan", "Published", published), *map(_line_of, kept)]),
        hide_index=True,
        column_config={
            "budget": st.column_config.NumberColumn(f"Budget, {page.currency}", format="%,.0f"),
            "customers": st.column_config.NumberColumn("To contact", format="%,d"),
            "control": st.column_config.NumberColumn("Control group", format="%,d"),
            "spend": st.column_config.NumberColumn(
                f"Expected spend, {page.currency}", format="%,.0f"
            ),
            "profit": st.column_config.NumberColumn(
                f"Expected profit, {page.currency}", format="%,.0f"
            ),
            "name": "Name",
            "state": "State",
            "made": "Saved",
            "whom": "Limited to",
        },
    )
    st.caption("A draft draws no control group and changes no list until it is approved.")
    names = {one["name"]: one for one in kept}
    name = st.selectbox("Draft", list(names), key=f"draft_of_{page.name}")
    draft = names[name]
    _export(page, draft)
    first, second = st.columns(2)
    with first.popover("Approve …", width="stretch"):
        st.markdown(
            "The next publish plans by this draft. Customers who were drawn earlier in the period "
            "stay in their group, so the published plan may contact fewer customers."
        )
        if st.button("Approve", key=f"approve_{page.name}", disabled=draft["is_plan"]):
            client.show_change(lambda: client.approve_draft(page.name, name, draft["draft_id"]))
    with second.popover("Delete …", width="stretch"):
        st.markdown("The draft and its list of customers are deleted. The plan stays as it is.")
        if st.button("Delete", key=f"delete_{page.name}"):
            client.show_change(lambda: client.forget_draft(page.name, name))


def _export(page: Context, draft: dict[str, Any]) -> None:
    """Offer a draft's customers as files, made when they are asked for."""

    def table(kind: str) -> pd.DataFrame:
        del kind  # the same rows for machines and for Excel
        return pd.DataFrame(
            [
                row
                for decision in ("treat", "hold_out")
                for row in client.draft_customers(page.name, draft["name"], decision)
            ]
        )

    files.downloads(
        page, "its customers", f"draft {draft['name']}", table, key=f"download_draft_{page.name}"
    )


def _line(name: str, state: str, figures: Row) -> Row:
    return {
        "name": name,
        "state": state,
        "customers": figures["customers"],
        "control": figures.get("control_customers"),
        "budget": figures["budget"],
        "spend": figures["expected_spend"],
        "profit": figures["expected_profit"],
    }


def _line_of(draft: dict[str, Any]) -> Row:
    state = "Draft"
    if draft["is_plan"]:
        state = f"Approved by {draft['approved_by']}; published with the next publish"
    chosen = draft.get("filter", {})
    limits = [
        ", ".join(map(str, value)) if isinstance(value, list) else f"{name}: {value}"
        for name, value in chosen.items()
    ]
    return {
        **_line(draft["name"], state, draft["figures"]),
        "made": f"{words.day(draft['made_at'])} by {draft['made_by']}",
        "whom": "; ".join(limits) or "all customers and actions",
    }


def _actions(page: Context) -> Titles:
    """Active actions of the catalogue → their titles."""
    found = rows(
        page.generation,
        "select action_id, action_title from bi_retention_actions "
        "where domain = ? and is_active order by action_title",
        page.name,
    )
    return Titles(zip(found["action_id"], found["action_title"], strict=True))


def _channels(page: Context) -> list[str]:
    found = rows(
        page.generation,
        "select distinct channel from bi_retention_actions where domain = ? and is_active "
        "order by channel",
        page.name,
    )
    return [str(channel) for channel in found["channel"]]


def _audiences(page: Context) -> dict[str, Settings]:
    """Saved audiences that a plan can be for: name → filters."""
    try:
        kept = client.audiences(page.name)
    except client.UnavailableError:
        return {}
    return {
        audience["name"]: audience["filter"]
        for audience in kept
        if audience["filter"].keys() <= _OF_AN_AUDIENCE.keys() and not _has_both(audience["filter"])
    }


def _ladder(page: Context) -> dict[str, str]:
    """Words of a part of the ladder → the part as a plan names it."""
    found = rows(
        page.generation,
        "select distinct ladder_part, ladder_part_code from bi_customer_360 where domain = ?",
        page.name,
    )
    parts = zip(found["ladder_part"], found["ladder_part_code"], strict=True)
    return {str(part): f"ladder{OF}{code}" for part, code in parts}


def _has_both(audience: Settings) -> bool:
    """Whether an audience limits the ladder twice, which the parts of a plan cannot say."""
    parts = audience.get("part", [])
    return "segment" in audience and any(part.startswith(f"ladder{OF}") for part in parts)


@st.cache_data(max_entries=50, show_spinner=False)
def _computed(generation: str, domain: str, asked: Settings) -> dict[str, Any]:
    del generation  # part of the cache key: a plan belongs to one generation
    return client.compute_plan(domain, asked)
