"""Customers: find, filter, sort, select, download; and those lost lately."""

import pandas as pd
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from app.viewer import client, files, list_filters, segment_charts, words
from app.viewer.audience import saved_audiences
from app.viewer.context import Context, context
from app.viewer.list_filters import Choices, Chosen, condition
from app.viewer.lookup import MOST, explained, find
from app.viewer.plain import plain
from app.viewer.published import one, rows, today
from app.viewer.tables import COLUMNS, SHOWN, address_of, customer_table, without_toolbar

SHOW = 500
# In lower case: addresses that were bookmarked name the order like this.
ORDERS = {
    "worth saving": "expected_profit desc nulls last, value_at_risk desc nulls last, customer_id",
    "value at risk": "value_at_risk desc nulls last, customer_id",
    "risk": "churn_probability desc, customer_id",
    "due date": "due_on asc nulls last, value_at_risk desc nulls last, customer_id",
    "customer value": "customer_value desc nulls last, customer_id",
    "expected profit": "expected_profit desc nulls last, customer_id",
}
NOW, LOST = "scored now", "recently lost"
TITLES = {column.title: name for name, column in COLUMNS.items() if name != "customer_id"}
# Of a file, as far as they are published; the names are those of the tables.
EXPORTED = (
    "customer_id",
    "churn_probability",
    "risk_band",
    "due_on",
    "expected_next_order_on",
    "days_between_orders",
    "customer_value",
    "value_at_risk",
    "predicted_value",
    "summary",
    "top_driver_1",
    "top_driver_2",
    "top_driver_3",
    "decision",
    "planned_action",
    "action_title",
    "channel",
    "message_hint",
    "expected_profit",
    "reason_words",
    "is_held_out",
    "is_suppressed",
    "as_of_date",
    "run_id",
)
CONTACTABLE = "not coalesce(is_held_out, false) and not coalesce(is_suppressed, false)"


def look_up(page: Context, place: DeltaGenerator) -> None:
    """Show the field that finds a customer, and below it whom it finds."""
    typed = place.text_input(
        "Find a customer by ID",
        key="find",
        placeholder="an ID, or its first characters",
        icon=":material/search:",
        width=392,
    )
    if not typed.strip():
        return
    found = find(page, typed)
    if not found.scored:
        st.warning(plain(explained(page, found)))
        return
    several = rows(
        page.generation,
        "select * from bi_customer_360 where domain = ? and list_contains(?, customer_id) "
        f"order by {ORDERS['worth saving']}",
        page.name,
        found.scored[:MOST],
    )
    if found.one is None:
        first = "The first " if len(found.scored) > MOST else ""
        st.caption(f"{first}{len(several)} customers whose ID begins like this.")
    customer_table(several, page, key="found", if_empty="")
    if found.one is not None:
        st.page_link(
            "screens/customer.py",
            label=f"Open {plain(found.one)}",
            icon=":material/person:",
            query_params={"customer": found.one, "business": str(page.domain["title"])},
        )


def open_audience(page: Context, offered: Choices) -> None:
    """Show the filters of an audience that the address names, or say that it does not exist."""
    name = st.query_params.get("audience")
    if name is None:
        return
    try:
        kept = {one["name"]: one["filter"] for one in client.audiences(page.name)}
    except client.UnavailableError as problem:
        st.error(str(problem))
        st.stop()
    state = list_filters.state_of(offered, kept[name]) if name in kept else None
    if state is None:
        refuse([f"the audience “{name}”"])
    else:
        del st.query_params["audience"]
        st.session_state.update(state)


def refuse(unknown: list[str]) -> None:
    """Say that the address asks for what does not exist, and show nothing."""
    st.error(
        "This link asks for "
        + plain(", ".join(unknown))
        + ", which does not exist or does not exist any more. Nothing is shown."
    )
    st.button("Show all customers", on_click=list_filters.forget_address)
    st.stop()


def pick_risks(page: Context, chosen: Chosen) -> Chosen:
    """Show the distribution of risks with its slider; return the filters with the range."""
    where, values = condition(page.name, chosen)
    bins = rows(
        page.generation,
        f"select least(floor(churn_probability / {segment_charts.STEP}), "
        f"{round(1 / segment_charts.STEP) - 1})::integer as bin, count(*) as customers "
        f"from bi_customer_360 where {where} group by all order by bin",
        *values,
    )
    place = st.container()
    ranged = list_filters.risk_range()
    if not bins.empty:
        chart = segment_charts.distribution(
            bins, ranged.get("min_probability", 0.0), ranged.get("max_probability", 1.0)
        )
        place.altair_chart(chart, key=f"risks_{page.name}", on_select=choose_bar, width="stretch")
        place.caption("Customers by risk. Click a bar to see its people.")
    return chosen | ranged


def choose_bar() -> None:
    """Put the bar that was clicked into the slider."""
    for key, state in st.session_state.items():
        if str(key).startswith("risks_"):
            picked = state["selection"].get(segment_charts.CLICK) or []
            if picked:
                low = 100 * segment_charts.STEP * picked[0]["bin"]
                st.session_state["risk"] = (
                    round(low, 1),
                    round(low + 100 * segment_charts.STEP, 1),
                )


def figures(page: Context, chosen: Chosen) -> int:
    """Show how many customers are chosen and what they are expected to do; return the number."""
    where, values = condition(page.name, chosen)
    total = one(
        page.generation,
        "select count(*) as customers, sum(churn_probability) as leaving, "
        "sum(1 - churn_probability) as staying, sum(value_at_risk) as value_at_risk, "
        "sum(expected_profit) filter (where decision = 'treat') as expected_profit "
        f"from bi_customer_360 where {where}",
        *values,
    )
    assert total is not None  # noqa: S101 - an aggregate has a row
    outcome = f"Expected to come true: {page.domain['outcome']}. "
    with st.container(horizontal=True):
        for label, value, why in (
            ("Customers", f"{total['customers']:,}", "Customers who match these filters."),
            (
                "Expected to leave",
                f"{total['leaving'] or 0:,.0f}",
                outcome + "The sum of the risks: right positives if all of them were contacted.",
            ),
            (
                "Expected to stay",
                f"{total['staying'] or 0:,.0f}",
                "The rest: false positives if all of them were contacted.",
            ),
            (
                "Value at risk",
                words.money(total["value_at_risk"] or 0, page.currency),
                "Risk times what leaving costs, before margin.",
            ),
            (
                "Expected profit",
                words.money(total["expected_profit"] or 0, page.currency),
                "Of those whom the plan contacts.",
            ),
        ):
            st.metric(label, value, help=plain(why), border=True, width="content")
    return int(total["customers"])


def paged(customers: int) -> int:
    """Show the choice of a page if one is not enough; return its number, from 1."""
    pages = max(-(-customers // SHOW), 1)
    if pages == 1:
        return 1
    if st.session_state.get("page", 1) > pages:
        st.session_state["page"] = pages
    number = st.number_input(
        f"Page, of {pages:,}",
        min_value=1,
        max_value=pages,
        key="page",
        bind="query-params",
        width=140,
    )
    return int(number)


def filled(page: Context, titles: list[str]) -> list[str]:
    """Return the columns that some customer of the business has a value in."""
    counted = ", ".join(f"count({TITLES[title]}) as {TITLES[title]}" for title in titles)
    found = one(
        page.generation, f"select {counted} from bi_customer_360 where domain = ?", page.name
    )
    return [title for title in titles if found and found[TITLES[title]]]


def scored(page: Context, offered: Choices, above: DeltaGenerator) -> None:
    """Show the customers who are scored now; the saved audiences stand above."""
    chosen = pick_risks(page, list_filters.choose(page, offered))
    with above:
        saved_audiences(page, chosen, lambda kept: list_filters.state_of(offered, kept))
    customers = figures(page, chosen)
    where, values = condition(page.name, chosen)
    st.markdown(
        f"**{words.count(customers, 'customer')}**. To share these filters, copy the address of "
        "this page."
    )
    settings = st.container(horizontal=True, vertical_alignment="bottom")
    order = settings.selectbox("Sort by", list(ORDERS), key="sort", bind="query-params", width=180)
    known = filled(page, [title for title, name in TITLES.items() if name in offered.published])
    titles = settings.multiselect(
        "Columns",
        known,
        default=[title for title in known if TITLES[title] in SHOWN],
        key="columns",
        bind="query-params",
        width=410,
    )
    with settings:
        number = paged(customers)
    found = rows(
        page.generation,
        f"select * from bi_customer_360 where {where} order by {ORDERS[order]} "
        f"limit {SHOW} offset {SHOW * (number - 1)}",
        *values,
    )
    selected = customer_table(
        found,
        page,
        key=f"customers_{number}",
        if_empty="No customers match these filters. Remove a filter to see more.",
        several=True,
        columns=["customer_id", *(TITLES[title] for title in titles)],
    )
    if customers > len(found):
        start = SHOW * (number - 1)
        st.caption(
            f"Customers {start + 1:,} to {start + len(found):,} of {customers:,}. "
            "The files have all of them."
        )
    if customers:
        ids = [str(one) for one in selected["customer_id"]]
        download(page, offered, chosen, ids, order)


def download(page: Context, offered: Choices, chosen: Chosen, ids: list[str], order: str) -> None:
    """Show the buttons of the files."""
    everybody = st.toggle(
        "Include customers who are not to be contacted",
        key="everybody",
        help="The control groups, and in the file for Excel customers marked do-not-contact. "
        "Contacting a control group ends the measurement. A file with exact keys never has "
        "customers marked do-not-contact.",
    )
    where, values = condition(page.name, chosen)
    if ids:
        where, values = f"{where} and list_contains(?, customer_id)", [*values, ids]

    def made(kind: str) -> pd.DataFrame:
        who = "true"
        if not everybody:
            who = CONTACTABLE
        elif kind == files.EXACT:
            who = "not coalesce(is_suppressed, false)"
        published = [name for name in EXPORTED if name in {*offered.published, "message_hint"}]
        listed = ", ".join(name for name in published if name != "message_hint")
        table = rows(
            page.generation,
            f"select {listed}, message_hint from (select * from bi_customer_360 where {where} "
            f"and {who}) left join (select domain, customer_id, message_hint "
            f"from bi_churn_actions) using (domain, customer_id) order by {ORDERS[order]}",
            *values,
        )
        return files.with_hints(table[published])

    counted = one(
        page.generation,
        f"select count(*) as everybody, count(*) filter (where {CONTACTABLE}) as contactable "
        f"from bi_customer_360 where {where}",
        *values,
    ) or {"everybody": 0, "contactable": 0}
    number = counted["everybody" if everybody else "contactable"]
    files.downloads(
        page,
        words.count(number, "selected customer" if ids else "customer"),
        "customers_with_control_groups" if everybody else "customers",
        made,
        key="list",
        disabled=not number,
    )
    left_out = counted["everybody"] - counted["contactable"]
    if left_out and not everybody:
        st.caption(
            f"{words.count(left_out, 'customer')} in a control group or marked do-not-contact "
            f"{'is' if left_out == 1 else 'are'} left out of the files."
        )
    st.caption(
        "In the file for Excel, an ID that begins with =, +, - or @ has an apostrophe in front. "
        "Use the file with exact keys to match customers in a CRM."
    )


def lost(page: Context) -> None:
    """Show customers who are not scored any more because they left."""
    found = rows(
        page.generation,
        """
        with marks as (
            select customer_id, as_of_date, churn_probability, label_known_on as known_on,
                'Left after a published score' as what
            from bi_churn_history where domain = $1 and is_churned
            union all
            select customer_id, as_of_date, churn_probability, null,
                'Left after the cut-off of the back-test'
            from bi_churn_backtest where domain = $1 and is_churned
            union all
            select customer_id, null, null, deleted_at::date, 'Left the list of scored customers'
            from crm_churn_actions
            where domain = $1 and is_deleted and deleted_reason = 'lapsed'
        )
        select customer_id, max(known_on) as known_on, max(as_of_date) as as_of_date,
            arg_max(churn_probability, as_of_date) as churn_probability,
            arg_max(what, coalesce(as_of_date, known_on)) as what
        from marks
        where customer_id not in (select customer_id from bi_customer_360 where domain = $1)
        group by customer_id
        order by coalesce(max(as_of_date), max(known_on)) desc,
            arg_max(churn_probability, as_of_date) desc nulls last, customer_id
        """,
        page.name,
    )
    found = without_marked(page, found)
    if found.empty:
        st.info("No customers who left are known yet: their outcomes are still open.")
        return
    st.markdown(
        f"**{words.count(len(found), 'customer')}** left and {'is' if len(found) == 1 else 'are'} "
        "not on the list of scored customers now. Those marked do-not-contact are left out."
    )
    number = paged(len(found))
    without_toolbar()
    shown = found.iloc[SHOW * (number - 1) : SHOW * number]
    names = [
        name
        for name in ("customer_id", "as_of_date", "churn_probability", "known_on", "what")
        if shown[name].notna().any()
    ]
    st.dataframe(
        shown.assign(
            customer_id=[address_of(one, page) for one in shown["customer_id"]],
            churn_probability=(100 * shown["churn_probability"]).clip(0.1, 99.9),
        )[names],
        placeholder="",
        key=f"lost_{page.name}_{page.generation.name}",
        hide_index=True,
        alt=f"Table of {len(shown):,} customers who left",
        column_config={
            "customer_id": st.column_config.LinkColumn(
                "Customer", display_text=r"customer=([^&]*)", width=150, pinned=True
            ),
            "as_of_date": st.column_config.DateColumn(
                "Last scored", format="D MMM YYYY", width=120
            ),
            "churn_probability": st.column_config.NumberColumn(
                "Risk then", format="%.1f%%", width=100
            ),
            "known_on": st.column_config.DateColumn("Known since", format="D MMM YYYY", width=120),
            "what": st.column_config.TextColumn("What is known", width=320),
        },
    )
    files.downloads(
        page,
        words.count(len(found), "customer"),
        "recently_lost",
        lambda _: without_marked(page, found),
        key="lost",
    )


def without_marked(page: Context, found: pd.DataFrame) -> pd.DataFrame:
    """Return the rows without customers who are marked do-not-contact at this moment."""
    marked = {customer for domain, customer in today().suppressed if domain == page.name}
    return found[~found["customer_id"].isin(marked)]


page = context("Customers")
offered = list_filters.choices(page)
known_titles = {"sort": list(ORDERS), "columns": list(TITLES), "list": [NOW, LOST]}
list_filters.keep_only_asked()
unknown = list_filters.unknown_names(offered, known_titles)
if unknown:
    refuse(unknown)
open_audience(page, offered)
top = st.container(horizontal=True, vertical_alignment="bottom")
look_up(page, top)
which = top.segmented_control(
    "List",
    [NOW, LOST],
    default=NOW,
    required=True,
    key="list",
    bind="query-params",
)
if which == LOST:
    lost(page)
else:
    scored(page, offered, top)
st.caption(words.PATTERNS)
