"""Segments: two of them side by side, what they share, and the people behind every bar."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

from app.customer_conditions import OF
from app.viewer import client, list_filters, segment_charts, words
from app.viewer.annotations import annotations
from app.viewer.audience import people, size
from app.viewer.context import Context, context
from app.viewer.list_filters import LADDER, Choices, Chosen, condition
from app.viewer.plain import plain
from app.viewer.published import Row, one, rows

# Drivers of a chart.
DRIVERS = 8


@dataclass(frozen=True)
class ComparedSegment:
    """A part of the customers.

    Attributes:
        title: What it is called.
        chosen: Its filters of the customer list.
        code: Kind and value of a published segment; none for bands and audiences.
    """

    title: str
    chosen: Chosen
    code: tuple[str, str] | None = None


def segments(page: Context, offered: Choices) -> dict[str, ComparedSegment]:
    """Return everything that can be compared, by title."""
    codes = rows(
        page.generation,
        "select distinct segment_value, segment_value_code from bi_customer_segments "
        "where domain = ? and segment = ?",
        page.name,
        LADDER,
    )
    of_title = dict(zip(codes["segment_value"], codes["segment_value_code"], strict=True))
    found = [
        ComparedSegment(
            words.capitalised(part), {"segment": [part]}, (LADDER, of_title.get(part, ""))
        )
        for part in offered.lists["segments"]
    ]
    for kind, (title, parts) in offered.parts.items():
        found += [
            ComparedSegment(f"{title}: {part}", {"part": [f"{kind}{OF}{code}"]}, (kind, code))
            for code, part in parts.items()
        ]
    found += [
        ComparedSegment(f"Risk band: {band}", {"band": [band]}, ("risk_band", band))
        for band in words.BANDS
    ]
    try:
        audiences = client.audiences(page.name)
    except client.UnavailableError:
        audiences = []
    found += [
        ComparedSegment(f"Audience: {one['name']}", one["filter"])
        for one in audiences
        if size(page, one["filter"]) is not None
    ]
    return {segment.title: segment for segment in found}


def facts(page: Context, segment: ComparedSegment) -> Row:
    """Return size, risk and value of a segment."""
    where, values = condition(page.name, segment.chosen)
    found = one(
        page.generation,
        "select count(*) as customers, avg(churn_probability) as risk, "
        "sum(churn_probability) as leaving, sum(value_at_risk) as value_at_risk, "
        "avg(customer_value) as customer_value, count(*) filter (where decision = 'treat') "
        "as to_contact, sum(expected_profit) filter (where decision = 'treat') as profit "
        f"from bi_customer_360 where {where}",
        *values,
    )
    assert found is not None  # noqa: S101 - an aggregate has a row
    return found


def side_by_side(page: Context, pair: Sequence[ComparedSegment]) -> None:
    """Show the figures of both segments in one table."""
    first, second = (facts(page, segment) for segment in pair)
    quality = [back_test(page, segment) for segment in pair]
    lines = [
        ("Customers", *(f"{one['customers']:,}" for one in (first, second))),
        ("Mean risk", *(words.percent(one["risk"], 1) for one in (first, second))),
        ("Expected to leave", *(f"{one['leaving'] or 0:,.0f}" for one in (first, second))),
        (
            "Value at risk",
            *(words.money(one["value_at_risk"] or 0, page.currency) for one in (first, second)),
        ),
        (
            "Mean customer value",
            *(words.money(one["customer_value"], page.currency) for one in (first, second)),
        ),
        ("To contact", *(f"{one['to_contact']:,}" for one in (first, second))),
        (
            "Expected profit",
            *(words.money(one["profit"] or 0, page.currency) for one in (first, second)),
        ),
        ("Back-test: left per 100", *(one[0] for one in quality)),
        ("Back-test: accuracy", *(one[1] for one in quality)),
    ]
    table = pd.DataFrame(lines, columns=["Measure", "a", "b"])
    st.dataframe(
        table,
        hide_index=True,
        alt=f"Figures of {pair[0].title} and {pair[1].title}",
        column_config={
            "Measure": st.column_config.TextColumn("Measure", width=185, pinned=True),
            "a": st.column_config.TextColumn(pair[0].title, width=130, alignment="right"),
            "b": st.column_config.TextColumn(pair[1].title, width=130, alignment="right"),
        },
    )


def back_test(page: Context, segment: ComparedSegment) -> tuple[str, str]:
    """Return what the back-test found of a segment, in words."""
    nothing = ("not measured", "not measured")
    if segment.code is None:
        return nothing
    found = rows(
        page.generation,
        "select metric, value from bi_model_quality_by_segment where domain = ? "
        "and model = 'lightgbm' and split = 'test' and segment = ? and segment_value_code = ?",
        page.name,
        *segment.code,
    )
    measured = {
        str(row.metric): float(row.value) for row in found.dropna(subset=["value"]).itertuples()
    }
    ratio, auc = measured.get("observed_to_expected"), measured.get("auc")
    return (
        nothing[0] if ratio is None else f"{100 * ratio:,.0f}",
        nothing[1] if auc is None else f"{auc:.2f}",
    )


def overlap(page: Context, offered: Choices, pair: Sequence[ComparedSegment]) -> None:
    """Say how many customers are in both segments, with a link to them."""
    (where_a, values_a), (where_b, values_b) = (
        condition(page.name, segment.chosen) for segment in pair
    )
    found = one(
        page.generation,
        f"select count(*) filter (where ({where_a}) and ({where_b})) as both, "
        f"count(*) filter (where ({where_a})) as a, count(*) filter (where ({where_b})) as b "
        "from bi_customer_360",
        *values_a,
        *values_b,
        *values_a,
        *values_b,
    )
    assert found is not None  # noqa: S101 - an aggregate has a row
    shares = " and ".join(
        f"{words.percent(found['both'] / found[side] if found[side] else 0)} of {segment.title}"
        for side, segment in (("a", pair[0]), ("b", pair[1]))
    )
    st.markdown(plain(f"{words.count(found['both'], 'customer')} in both: {shares}."))
    both = joined(pair[0].chosen, pair[1].chosen)
    if found["both"] and both is not None:
        people(page, offered, both, f"{pair[0].title} and {pair[1].title}", key="both")


def joined(first: Chosen, second: Chosen) -> Chosen | None:
    """Return filters that both must pass as one; None if the list cannot say it."""
    result = dict(first)
    for name, value in second.items():
        if name not in result or result[name] == value:
            result[name] = value
        elif name == "part" and not _kinds(result[name]) & _kinds(value):
            result[name] = [*result[name], *value]
        elif isinstance(value, list) and name != "part":
            shared = [one for one in value if one in result[name]]
            if not shared:
                return None
            result[name] = shared
        else:
            return None
    return result


def _kinds(parts: Sequence[str]) -> set[str]:
    return {part.partition(OF)[0] for part in parts}


def bands(page: Context, offered: Choices, pair: Sequence[ComparedSegment]) -> None:
    """Show the shares of the risk bands, and the people of the bar that is clicked."""
    st.subheader("Risk bands")
    parts = []
    for place, segment in enumerate(pair):
        where, values = condition(page.name, segment.chosen)
        found = rows(
            page.generation,
            "select risk_band as band, count(*) as customers, "
            f"count(*) / sum(count(*)) over () as share from bi_customer_360 where {where} "
            "and risk_band is not null group by all",
            *values,
        )
        parts.append(found.assign(segment=segment.title, place=place))
    table = pd.concat(parts)
    if table.empty:
        st.info("Neither segment has customers.")
        return
    chart = segment_charts.compared(
        table, "share", "band", title="Share of the segment", form=".0%", order=words.BANDS
    )
    event = st.altair_chart(chart, key=f"bands_{page.name}", on_select="rerun")
    picked = clicked(event)
    if picked:
        segment = pair[int(picked["place"])]
        chosen = joined(segment.chosen, {"band": [str(picked["band"])]})
        if chosen is not None:
            people(page, offered, chosen, f"{segment.title}, {picked['band']}", key="band")
    else:
        st.caption("Click a bar to see its people.")


def drivers(
    page: Context,
    offered: Choices,
    parts: Sequence[ComparedSegment],
    *,
    key: str,
    title: str,
) -> None:
    """Show whose risk each driver raises, by segment, and the people of the bar that is clicked."""
    st.subheader(title)
    found = []
    for place, segment in enumerate(parts):
        where, values = condition(page.name, segment.chosen)
        shares = rows(
            page.generation,
            f"""
            with chosen as (select customer_id from bi_customer_360 where {where})
            select driver_group, any_value(group_title) as driver,
                count(distinct customer_id) / (select count(*) from chosen) as share
            from bi_churn_reasons semi join chosen using (customer_id)
            where domain = ? and direction = 'raises' and strength <> 'weak' and not is_typical
                and driver_group <> 'other'
            group by driver_group
            """,
            *values,
            page.name,
        )
        found.append(shares.assign(segment=segment.title, place=place))
    table = pd.concat(found)
    if table.empty:
        st.info("No driver raises the risk of these customers more than weakly.")
        return
    largest = table.groupby("driver")["share"].max().sort_values(ascending=False)
    order = [str(name) for name in largest.head(DRIVERS).index]
    table = table[table["driver"].isin(order)]
    chart = segment_charts.compared(
        table,
        "share",
        "driver",
        title="Share of customers whose risk it raises",
        form=".0%",
        order=order,
    )
    event = st.altair_chart(chart, key=f"{key}_{page.name}", on_select="rerun")
    picked = clicked(event)
    if picked:
        segment = parts[int(picked["place"])]
        code = str(table.loc[table["driver"] == picked["driver"], "driver_group"].iloc[0])
        chosen = joined(segment.chosen, {"driver": [code]})
        if chosen is not None:
            people(page, offered, chosen, f"{segment.title}, {picked['driver']}", key=key)
    else:
        st.caption(
            "Customers for whom the driver raises the risk more than weakly. Click a bar to see "
            "its people."
        )


def clicked(event: Any) -> dict[str, Any] | None:
    """Return the bar that was clicked; None without a click."""
    picked = event["selection"].get(segment_charts.CLICK) if event else None
    return dict(picked[0]) if picked else None


def outcomes(page: Context, pair: Sequence[ComparedSegment]) -> None:
    """Show the share that left, cohort by cohort, where it is published for both."""
    st.subheader("Outcomes by cohort")
    named = {
        str(segment.chosen["segment"][0]): segment.title
        for segment in pair
        if segment.code and segment.code[0] == LADDER
    }
    found = rows(
        page.generation,
        """
        select bi_churn_cohorts.as_of_date, ladder_part, customers, churn_rate
        from bi_churn_cohorts inner join bi_domains using (domain, label_definition)
        where domain = ? and list_contains(?, ladder_part) and bi_churn_cohorts.is_closed
            and is_period_start and churn_rate is not null
        order by all
        """,
        page.name,
        list(named),
    )
    if found.empty:
        st.caption(
            "Outcomes by cohort are published for the main segments: "
            f"{plain(', '.join(main_segments(page)))}. Choose one of them to see its trend."
        )
        return
    table = found.assign(segment=found["ladder_part"].map(named))
    days = table["as_of_date"]
    marks = annotations(page, days.min().date(), days.max().date())
    st.altair_chart(segment_charts.trends(table, marks, list(named.values())))
    said = " ".join(f"{words.day(mark.day)}: {mark.note}." for mark in marks.itertuples())
    if said:
        st.caption(plain(f"Dashed lines. {said}"))
    st.caption(plain(f"Share of customers who left. Leaving means: {page.domain['outcome']}."))


def main_segments(page: Context) -> list[str]:
    """Return the parts that the cohorts are divided by."""
    found = rows(
        page.generation,
        "select distinct ladder_part from bi_churn_cohorts where domain = ? order by 1",
        page.name,
    )
    return [str(part) for part in found["ladder_part"]]


page = context("Segments")
offered = list_filters.choices(page)
known = segments(page, offered)
names = list(known)
wrong = [
    value
    for key in ("a", "b")
    for value in st.query_params.get_all(key)
    if value and value not in known
]
if wrong:
    st.error(
        plain(
            f"This link asks for the segment “{'”, “'.join(wrong)}”, which does not exist or does "
            "not exist any more. Nothing is shown."
        )
    )
    st.button("Choose segments", on_click=list_filters.forget_address)
    st.stop()
left, right = st.columns(2)
pair = [
    known[
        box.selectbox(
            label,
            names,
            index=min(place, len(names) - 1),
            key=key,
            bind="query-params",
        )
    ]
    for place, (box, label, key) in enumerate(
        ((left, "Segment", "a"), (right, "Compare with", "b"))
    )
]
if pair[0] == pair[1]:
    st.info("Both are the same segment. Choose another one to compare with.")
side_by_side(page, pair)
st.caption(
    "Back-test: how many left of each 100 who were expected to leave, and the ranking accuracy "
    "(AUC), on outcomes that the model had not seen."
)
overlap(page, offered, pair)
different = pair if pair[0] != pair[1] else pair[:1]
bands(page, offered, different)
drivers(page, offered, different, key="drivers", title="Drivers")
outcomes(page, different)
of_bands = [
    ComparedSegment(words.capitalised(band), {"band": [band]}, ("risk_band", band))
    for band in words.BANDS
]
drivers(page, offered, of_bands, key="by_band", title="Drivers by risk band, all customers")
st.caption(words.PATTERNS)
