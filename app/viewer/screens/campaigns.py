"""Campaigns: drafted, previewed, launched, and what they changed."""

from typing import Any

import pandas as pd
import streamlit as st

from app.viewer import client, words
from app.viewer.campaign_result import earned, result
from app.viewer.context import Context, context
from app.viewer.plain import plain
from app.viewer.playbooks import keep_as_playbook, playbooks
from app.viewer.published import one, titles
from pipeline.campaigns.endpoints import read_endpoints
from pipeline.project.home import home

Campaign = dict[str, Any]
_EVERYBODY = "Everybody whom the plan can choose"
_FILES = {"csv": "File (CSV)", "parquet": "File (Parquet)"}
_DRAFT = "Draft"


def draft_form(page: Context) -> None:
    """Offer to draft a campaign."""
    plan = one(page.generation, "select * from bi_retention_budget where domain = ?", page.name)
    left = float((plan or {}).get("budget_left") or (plan or {}).get("budget") or 0)
    bases = _bases(page)
    receivers = list(_FILES) + [one.name for one in read_endpoints(home(), page.name)]
    with st.form(f"draft_campaign_{page.name}", clear_on_submit=True):
        st.markdown("**New campaign**")
        first, second = st.columns(2)
        name = first.text_input("Name", max_chars=100)
        budget = second.number_input(
            f"Budget, {page.currency}",
            min_value=0.0,
            value=left,
            step=100.0,
            format="%.2f",
            help="What its contacts may cost. Filled in: what the period has left.",
        )
        first, second, third = st.columns(3)
        whom = first.selectbox(
            "For",
            list(bases),
            help="Everybody, a saved audience, or the customers of a saved draft of the plan.",
        )
        explore = second.slider(
            "Actions drawn at random, %",
            0,
            20,
            3,
            help="Of so many members the action is drawn among those that suit them. Without it "
            "nobody learns which action works better.",
        )
        receiver = third.selectbox(
            "Messages go to", receivers, format_func=lambda code: _FILES.get(code, code)
        )
        if st.form_submit_button("Draft and preview"):
            if not name.strip() or "/" in name:
                st.error("Please enter a name, without a slash.")
            else:
                settings = {
                    "budget": budget,
                    "explore": explore / 100,
                    "destination": receiver,
                    **bases[whom],
                }
                client.show_change(lambda: client.draft_campaign(page.name, name.strip(), settings))


def _bases(page: Context) -> dict[str, Campaign]:
    """Whom a campaign can be for, in words → the settings that say so."""
    found: dict[str, Campaign] = {_EVERYBODY: {}}
    try:
        found |= {
            f"Audience: {kept['name']}": {"audience": kept["name"]}
            for kept in client.audiences(page.name)
        }
        found |= {
            f"Draft of the plan: {kept['name']}": {
                "filter": kept["filter"],
                **({"holdout": kept["holdout"]} if kept["holdout"] is not None else {}),
            }
            for kept in client.drafts(page.name)
        }
    except client.UnavailableError:
        return found
    return found


def overview(page: Context, kept: list[Campaign]) -> None:
    """Show all campaigns."""
    states = titles(page.generation, "campaign_status")
    st.dataframe(
        pd.DataFrame(
            [
                {
                    "name": one["name"],
                    "state": _DRAFT if one["status"] == "draft" else states[one["status"]],
                    "contact": (one["figures"] or {}).get("treat"),
                    "control": (one["figures"] or {}).get("control"),
                    "delivered": one["messages"].get("delivered", 0),
                    "launched": words.day(one["launched_at"]) if one["launched_at"] else "",
                    "by": one["launched_by"] or one["made_by"],
                }
                for one in kept
            ]
        ),
        hide_index=True,
        column_config={
            "name": "Campaign",
            "state": "State",
            "contact": st.column_config.NumberColumn("To contact", format="%,d"),
            "control": st.column_config.NumberColumn("Control group", format="%,d"),
            "delivered": st.column_config.NumberColumn("Messages delivered", format="%,d"),
            "launched": "Launched",
            "by": "By",
        },
    )


def preview(page: Context, campaign: Campaign) -> None:
    """Show what a campaign costs, brings and can show."""
    figures = campaign["figures"]
    if figures is None:
        st.info("This draft has not been previewed.")
        return
    first, second, third, fourth = st.columns(4)
    first.metric("To contact", f"{figures['treat']:,}", border=True)
    second.metric("Control group", f"{figures['control']:,}", border=True)
    third.metric("Expected cost", words.money(figures["expected_cost"], page.currency), border=True)
    fourth.metric(
        "Expected profit", words.money(figures["expected_profit"], page.currency), border=True
    )
    right, wrong = figures["expected_true_positives"], figures["expected_false_positives"]
    told = [
        f"Of those who get a message, {right:,.0f} would leave without it and {wrong:,.0f} would "
        "stay anyway.",
        f"{words.count(figures['fixed_treat'] + figures['fixed_control'], 'member')} were drawn "
        "earlier in the period and stay in their group.",
    ]
    left_out = [
        f"{figures[name]:,} {why}"
        for name, why in (
            ("suppressed", "marked do-not-contact"),
            ("in_another_campaign", "in another campaign"),
            ("cool_down", "contacted lately"),
            ("never_treated", "in the permanent control group"),
            ("not_chosen", "for whom nothing pays within the budget"),
        )
        if figures[name]
    ]
    if left_out:
        told.append(f"Left out: {', '.join(left_out)}.")
    if figures["smallest_effect"] is not None:
        told.append(
            "The smallest effect that it can show is "
            f"{100 * figures['smallest_effect']:.1f} more of 100 who stay; "
            f"{100 * (figures['expected_effect'] or 0):.1f} are expected."
        )
    if (figures["rounds"] or 0) > 1:
        told.append(f"It takes {figures['rounds']:,} campaigns of this size to show that.")
    st.markdown(words.in_markdown(" ".join(told)))
    _of_the_period(page, campaign["status"] == "draft", figures)


def _of_the_period(page: Context, is_draft: bool, figures: dict[str, Any]) -> None:
    """Show what a campaign takes of the period's budget and channels, and what is left."""
    if figures.get("period_budget") is None:
        return
    budget, needed, left = (
        words.money(figures[f"period_{name}"], page.currency)
        for name in ("budget", "needed", "left")
    )
    told = [
        f"It takes {needed} of the period's budget of {budget}; {left} was left for it before "
        f"{words.day(figures['period_end'])}."
    ]
    taken = [
        f"{words.money(figures[f'period_{name}'], page.currency)} {why}"
        for name, why in (
            ("contacts", "for reported contacts"),
            ("campaigns", "for messages of campaigns"),
            ("control", "set aside with control groups"),
            ("plan", "for other customers of the published plan"),
        )
        if figures[f"period_{name}"]
    ]
    if taken:
        told.append(f"Taken before: {', '.join(taken)}.")
    channels = titles(page.generation, "channel")
    told += [
        f"{channels.get(one['channel'], one['channel'])}: it takes {one['needed']:,} of "
        f"{one['left']:,} contacts that are left."
        for one in figures["channels"]
        if one["needed"]
    ]
    st.caption(words.in_markdown(" ".join(told)))
    is_over = figures["period_needed"] > figures["period_left"] or any(
        one["needed"] > one["left"] for one in figures["channels"]
    )
    if is_draft and is_over:
        st.warning(
            "The period has too little left for this campaign: lower its budget, pause or end "
            "another one, or raise the period's budget on the page Plan."
        )


def steps(page: Context, campaign: Campaign) -> None:
    """Offer what can be done with a campaign now."""
    name, status = campaign["name"], campaign["status"]
    if status == "draft":
        is_ready = campaign["figures"] is not None
        is_current = is_ready and campaign["figures"]["generation"] == page.generation.name
        first, second = st.columns(2)
        if first.button("Preview again", key=f"preview_{page.name}", width="stretch"):
            client.show_change(lambda: client.preview_campaign(page.name, name))
        with second.popover("Launch …", width="stretch", disabled=not is_current):
            st.markdown(
                "The launch draws the groups, keeps them for good and queues the messages. It "
                "cannot be undone; a campaign can be paused and ended."
            )
            if st.button("Launch", key=f"launch_{page.name}"):
                client.show_change(
                    lambda: client.launch_campaign(page.name, name, campaign["campaign_id"])
                )
        if is_ready and not is_current:
            st.caption("Scores were published since the preview. Preview it again to launch it.")
    elif status in ("running", "paused"):
        first, second = st.columns(2)
        is_running = status == "running"
        if first.button(
            "Pause" if is_running else "Go on", key=f"pause_{page.name}", width="stretch"
        ):
            client.show_change(
                lambda: client.change_campaign(page.name, name, "pause" if is_running else "resume")
            )
        with second.popover("End …", width="stretch"):
            st.markdown("Messages that were not sent are stopped. What it changed is measured.")
            if st.button("End", key=f"finish_{page.name}"):
                client.show_change(lambda: client.change_campaign(page.name, name, "finish"))


page = context("Campaigns")
st.caption(
    "A campaign freezes whom it contacts and whom it leaves alone before any outcome is known, so "
    "that what it changed can be told."
)
try:
    kept = client.campaigns(page.name)
except client.UnavailableError as problem:
    st.info(str(problem))
    kept = []
if kept:
    overview(page, kept)
    names = {one["name"]: one for one in kept}
    chosen = names[st.selectbox("Campaign", list(names), key=f"campaign_of_{page.name}")]
    st.subheader(plain(chosen["name"]))
    if chosen["ended_because"]:
        st.warning(plain(f"Stopped: {chosen['ended_because']}"))
    preview(page, chosen)
    steps(page, chosen)
    if chosen["status"] != "draft":
        result(page, chosen["campaign_id"])
    keep_as_playbook(page, chosen["name"])
draft_form(page)
playbooks(page)
earned(page)
