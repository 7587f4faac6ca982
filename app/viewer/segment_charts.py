"""Charts of lists and segments; the description of each is its text for a screen reader."""

from collections.abc import Sequence
from typing import Any, TypeVar

import altair as alt
import pandas as pd

from app.viewer.charts import BANDS, BLUE, GREY, ORANGE

# Width of a bar of the distribution of risks.
STEP = 0.05
# Name of the selection that a click on a bar makes.
CLICK = "bar"
COLOURS = (BLUE, ORANGE)


ChartT = TypeVar("ChartT", alt.Chart, alt.LayerChart)


def colours_of(segments: Sequence[str]) -> list[str]:
    """Return a colour for each segment; the bands have their own."""
    bands = [BANDS.get(segment.lower()) for segment in segments]
    if all(bands):
        return [str(colour) for colour in bands]
    return list(COLOURS[: len(segments)])


def _with_text(chart: ChartT, height: Any, text: str) -> ChartT:
    """Return a chart with its height and the text that a screen reader says in its place."""
    sized: ChartT = chart.properties(height=height, description=text)
    return sized


def _layered(*charts: Any) -> alt.LayerChart:
    layers: alt.LayerChart = alt.layer(*charts)  # type: ignore[assignment]
    return layers


def _annotations(marks: pd.DataFrame) -> list[alt.Chart]:
    """Dashed lines on the days of annotations."""
    if marks.empty:
        return []
    lines: alt.Chart = (
        alt.Chart(marks)
        .mark_rule(color=GREY, strokeDash=[4, 3], size=2)
        .encode(
            x="day:T",
            tooltip=[
                alt.Tooltip("day:T", title="Day", format="%d %B %Y"),
                alt.Tooltip("note:N", title="Note"),
            ],
        )
    )
    return [lines]


def _noted(marks: pd.DataFrame) -> str:
    """Annotations in words."""
    return "".join(f"; {row.day:%d %B %Y}: {row.note}" for row in marks.itertuples())


def distribution(table: pd.DataFrame, low: float, high: float) -> alt.LayerChart:
    """Customers by risk, those in the chosen range in colour; a click chooses a bar.

    Args:
        table: `bin` (0 for risks under `STEP`) and `customers`.
        low: Lower end of the chosen range, 0 to 1.
        high: Its upper end.
    """
    shown = table.assign(
        starts=(100 * STEP * table["bin"]).round(),
        ends=(100 * STEP * (table["bin"] + 1)).round(),
        # a square root, so that a few people with a high risk can be seen beside thousands
        height=table["customers"] ** 0.5,
        chosen=(STEP * (table["bin"] + 1) > low) & (STEP * table["bin"] < high),
    )
    base = alt.Chart(shown).encode(
        x=alt.X(
            "starts:Q",
            title="Risk, %",
            scale=alt.Scale(domain=[0, 100]),
            axis=alt.Axis(tickCount=10, grid=False),
        ),
        x2="ends:Q",
        y=alt.Y("height:Q", title=None, axis=None, scale=alt.Scale(domainMin=0)),
        y2=alt.datum(0),
        tooltip=[
            alt.Tooltip("starts:Q", title="Risk from, %"),
            alt.Tooltip("ends:Q", title="to, %"),
            alt.Tooltip("customers:Q", title="Customers", format=","),
        ],
    )
    bars = base.mark_bar(stroke="white", cursor="pointer").encode(
        color=alt.condition(alt.datum.chosen, alt.value(BLUE), alt.value("#C9C9C9"))
    )
    counts = (
        alt.Chart(shown)
        .transform_calculate(middle="(datum.starts + datum.ends) / 2")
        .mark_text(dy=-7, color="#444", fontSize=11)
        .encode(x="middle:Q", y="height:Q", text=alt.Text("customers:Q", format=","))
    )
    click = alt.selection_point(name=CLICK, fields=["bin"])
    text = (
        "Customers by risk: "
        + "; ".join(
            f"{row.starts:.0f} to {row.ends:.0f}%: {row.customers:,}"
            for row in shown.itertuples()
            if row.customers
        )
        + "."
    )
    return _with_text(_layered(bars.add_params(click), counts), 130, text)


def compared(
    table: pd.DataFrame, value: str, name: str, *, title: str, form: str, order: Sequence[str]
) -> alt.Chart:
    """Groups of bars: one value for each of some segments; a click chooses a bar.

    Args:
        table: A row for each bar, with `segment` and its `place`, from 0.
        value: Column with the length.
        name: Column with what a group is about.
        title: Title of the axis.
        form: Format of the figures.
        order: The names, from top to bottom.
    """
    segments = list(table.sort_values("place")["segment"].unique())
    click = alt.selection_point(name=CLICK, fields=[name, "place"])
    chart: alt.Chart = (
        alt.Chart(table)
        .mark_bar(cursor="pointer")
        .encode(
            y=alt.Y(f"{name}:N", title=None, sort=list(order), axis=alt.Axis(labelLimit=260)),
            yOffset=alt.YOffset("place:O"),
            x=alt.X(f"{value}:Q", title=title, axis=alt.Axis(format=form, tickCount=5)),
            color=alt.Color(
                "segment:N",
                title=None,
                scale=alt.Scale(domain=segments, range=colours_of(segments)),
                legend=alt.Legend(orient="top", labelLimit=320),
            ),
            tooltip=[
                alt.Tooltip("segment:N", title="Segment"),
                alt.Tooltip(f"{name}:N", title=" "),
                alt.Tooltip(f"{value}:Q", title=title, format=form),
            ],
        )
        .add_params(click)
    )
    text = f"{title}: " + "; ".join(
        f"{getattr(row, name)}, {row.segment}: {format(getattr(row, value), form)}"
        for row in table.itertuples()
    )
    return _with_text(chart, len(order) * (14 * len(segments) + 14) + 130, text + ".")


def trends(table: pd.DataFrame, marks: pd.DataFrame, order: Sequence[str]) -> alt.LayerChart:
    """Share that left, month by month, of each segment, with annotations.

    Args:
        table: `as_of_date`, `segment`, `customers`, `churn_rate`.
        marks: `day` and `note` of annotations.
        order: The segments, in the order of their colours.
    """
    segments = list(order)
    chart: alt.Chart = (
        alt.Chart(table)
        .mark_line(point=True)
        .encode(
            x=alt.X("as_of_date:T", title=None, axis=alt.Axis(format="%b %Y", tickCount=6)),
            y=alt.Y("churn_rate:Q", title="Share that left", axis=alt.Axis(format="%")),
            color=alt.Color(
                "segment:N",
                title=None,
                scale=alt.Scale(domain=segments, range=colours_of(segments)),
                legend=alt.Legend(orient="top", labelLimit=320),
            ),
            tooltip=[
                alt.Tooltip("segment:N", title="Segment"),
                alt.Tooltip("as_of_date:T", title="Customers of", format="%d %B %Y"),
                alt.Tooltip("customers:Q", title="Customers", format=","),
                alt.Tooltip("churn_rate:Q", title="Share that left", format=".1%"),
            ],
        )
    )
    last = table.sort_values("as_of_date").groupby("segment", as_index=False).last()
    text = "Share that left by cohort. Last known: " + "; ".join(
        f"{row.segment}: {row.churn_rate:.1%} of {row.customers:,}" for row in last.itertuples()
    )
    layers = _layered(chart, *_annotations(marks))
    return _with_text(layers, 260, f"{text}{_noted(marks)}.")


def weeks(table: pd.DataFrame, value: str, marks: pd.DataFrame, *, title: str) -> alt.LayerChart:
    """Bars by week with annotations; whole numbers on the axis.

    Args:
        table: `week_starts_on` and the value.
        value: Column with the length.
        marks: `day` and `note` of annotations.
        title: What a bar counts, above the chart.
    """
    bars = (
        alt.Chart(table)
        .mark_bar(color=BLUE, size=24)
        .encode(
            x=alt.X("week_starts_on:T", title=None, axis=alt.Axis(format="%d %b")),
            y=alt.Y(
                f"{value}:Q",
                title=None,
                axis=alt.Axis(format=",.0f", tickMinStep=1, tickCount=4),
            ),
            tooltip=[
                alt.Tooltip("week_starts_on:T", title="Week of", format="%d %B %Y"),
                alt.Tooltip(f"{value}:Q", title=title, format=",.1f"),
            ],
        )
    )
    text = f"{title}, by week: " + "; ".join(
        f"week of {row.week_starts_on:%d %B %Y}: {getattr(row, value):,.0f}"
        for row in table.dropna(subset=[value]).itertuples()
    )
    text += _noted(marks)
    return _with_text(_layered(bars, *_annotations(marks)), 160, text + ".")


def scores(table: pd.DataFrame) -> alt.LayerChart:
    """A customer's risk by scoring, with a rule where another model began.

    Args:
        table: `as_of_date`, `churn_probability`, and `is_new_model`.
    """
    days = alt.X("as_of_date:T", title=None, axis=alt.Axis(format="%d %b %Y", tickCount=6))
    line = (
        alt.Chart(table)
        .mark_line(point=alt.OverlayMarkDef(size=60), color=BLUE)
        .encode(
            x=days,
            y=alt.Y(
                "churn_probability:Q",
                title="Risk",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%", tickCount=5),
            ),
            tooltip=[
                alt.Tooltip("as_of_date:T", title="As of", format="%d %B %Y"),
                alt.Tooltip("churn_probability:Q", title="Risk", format=".1%"),
            ],
        )
    )
    other = (
        alt.Chart(table[table["is_new_model"]])
        .mark_rule(color=GREY, strokeDash=[4, 3])
        .encode(x=days, tooltip=[alt.Tooltip("as_of_date:T", title="New model", format="%d %B %Y")])
    )
    text = "Risk by scoring: " + "; ".join(
        f"{row.as_of_date:%d %B %Y}: {row.churn_probability:.1%}"
        + (", new model" if row.is_new_model else "")
        for row in table.itertuples()
    )
    return _with_text(_layered(line, other), 200, text + ".")
