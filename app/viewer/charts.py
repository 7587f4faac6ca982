"""Charts in one look; the colours suit the colour-blind (Okabe and Ito)."""

from typing import TypeVar

import altair as alt
import pandas as pd
import streamlit as st
from altair.utils.schemapi import disable_debug_mode

# Streamlit has the whole chart checked when it is drawn: every part when it is made as well would
# take as long again.
disable_debug_mode()

BLUE, ORANGE, GREEN, RED, GREY = "#0072B2", "#E69F00", "#009E73", "#D55E00", "#8C8C8C"
BANDS = {"critical": RED, "high": ORANGE, "medium": "#56B4E9", "low": GREY}


# The grey of titles and labels, dark enough to read on white.
INK = "#3C3F46"
# Names of bars, each beside its own.
NAMES = alt.Axis(labelLimit=320, labelFlush=False)
Chart = TypeVar("Chart", bound=alt.TopLevelMixin)


def show(chart: alt.Chart | alt.LayerChart, description: str) -> None:
    """Show a chart with a text that says the same to whoever does not see it.

    Args:
        chart: The chart.
        description: What it shows, with its figures; takes the place of the chart's own.
    """
    st.altair_chart(chart.properties(description=description))


def _finished(chart: Chart, description: str) -> Chart:
    """A chart with a text for whoever does not see it, and labels that can be read."""
    described = chart.properties(description=description)
    return described.configure_axis(labelColor=INK, titleColor=INK).configure_legend(
        labelColor=INK, titleColor=INK
    )


def in_words(
    table: pd.DataFrame,
    name: str,
    value: str,
    unit: str = "",
    *,
    form: str = ",.0f",
    most: int = 12,
) -> str:
    """Return bars as a sentence, such as `Discount 12, Reminder 5`."""
    listed = [
        f"{row[name]} {unit}{row[value]:{form}}" for row in table.head(most).to_dict("records")
    ]
    more = len(table) - most
    return ", ".join(listed) + (f", and {more} more." if more > 0 else ".")


def _ends(table: pd.DataFrame, over: str, value: str, form: str) -> str:
    """The first, the highest and the last point of a line, as a sentence."""
    known = table.dropna(subset=[value])
    if known.empty:
        return "no figures."

    def point(row: pd.Series) -> str:
        at = f"{row[over]:%d %B %Y}" if hasattr(row[over], "year") else f"{row[over]:,.0f}"
        return f"{row[value]:{form}} at {at}"

    ordered = known.sort_values(over)
    highest = known.loc[known[value].astype(float).idxmax()]
    return f"from {point(ordered.iloc[0])} to {point(ordered.iloc[-1])}, highest {point(highest)}."


def bars(
    table: pd.DataFrame, value: str, name: str, *, kind: str, title: str, form: str = ",.0f"
) -> alt.Chart:
    """Horizontal bars, the longest first, each with its figure.

    Args:
        table: A row for each bar.
        value: Column with the length.
        name: Column with the name.
        kind: What a bar stands for, in the tooltip.
        title: Title of the axis.
        form: Format of the figures.
    """
    base = alt.Chart(table).encode(
        y=alt.Y(f"{name}:N", sort="-x", title=None, axis=NAMES),
        x=alt.X(f"{value}:Q", title=title, axis=alt.Axis(format=form)),
        tooltip=[
            alt.Tooltip(f"{name}:N", title=kind),
            alt.Tooltip(f"{value}:Q", title=title, format=form),
        ],
    )
    drawn = base.mark_bar(color=BLUE) + base.mark_text(align="left", dx=4).encode(
        text=alt.Text(f"{value}:Q", format=form)
    )
    return _finished(
        drawn, f"{title}, by {kind.lower()}: {in_words(table, name, value, form=form)}"
    )


def band_bars(table: pd.DataFrame, value: str, *, title: str) -> alt.Chart:
    """Bars by risk band in the bands' order and colours."""
    order = list(BANDS)
    base = alt.Chart(table).encode(
        y=alt.Y("risk_band:N", sort=order, title=None, axis=NAMES),
        x=alt.X(f"{value}:Q", title=title),
        color=alt.Color(
            "risk_band:N",
            scale=alt.Scale(domain=order, range=list(BANDS.values())),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("risk_band:N", title="Risk band"),
            alt.Tooltip(f"{value}:Q", title=title, format=",.0f"),
        ],
    )
    drawn = base.mark_bar() + base.mark_text(align="left", dx=4, color="black").encode(
        text=alt.Text(f"{value}:Q", format=",.0f"), color=alt.value("#333")
    )
    return _finished(drawn, f"{title}, by risk band: {in_words(table, 'risk_band', value)}")


def trend(table: pd.DataFrame, value: str, *, title: str) -> alt.Chart:
    """Bars by week; a week outside the files has no bar."""
    drawn = (
        alt.Chart(table)
        .mark_bar(color=BLUE, size=24)
        .encode(
            x=alt.X("week_starts_on:T", title=None, axis=alt.Axis(format="%d %b")),
            y=alt.Y(f"{value}:Q", title=title),
            tooltip=[
                alt.Tooltip("week_starts_on:T", title="Week of", format="%d %B %Y"),
                alt.Tooltip(f"{value}:Q", title=title, format=",.1f"),
            ],
        )
        .properties(height=160)
    )
    return _finished(drawn, f"{title}, by week: " + _ends(table, "week_starts_on", value, ",.0f"))


def score_history(table: pd.DataFrame) -> alt.Chart:
    """A customer's risk by cut-off."""
    drawn = (
        alt.Chart(table)
        .mark_line(point=alt.OverlayMarkDef(size=60), color=RED)
        .encode(
            x=alt.X("as_of_date:T", title=None, axis=alt.Axis(format="%d %b %Y")),
            y=alt.Y(
                "churn_probability:Q",
                title="Risk",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(format="%"),
            ),
            tooltip=[
                alt.Tooltip("as_of_date:T", title="As of", format="%d %B %Y"),
                alt.Tooltip("churn_probability:Q", title="Risk", format=".0%"),
            ],
        )
        .properties(height=160)
    )
    return _finished(
        drawn,
        "Risk of this customer over time: "
        + _ends(table, "as_of_date", "churn_probability", ".0%"),
    )


def said_and_happened(table: pd.DataFrame) -> alt.LayerChart:
    """Groups of customers: predicted risk against the share that left."""
    line = (
        alt.Chart(pd.DataFrame({"x": [0.0, 1.0], "y": [0.0, 1.0]}))
        .mark_line(color=GREY, strokeDash=[4, 4])
        .encode(x="x:Q", y="y:Q")
    )
    points = (
        alt.Chart(table)
        .mark_circle(color=BLUE, opacity=0.9)
        .encode(
            x=alt.X("mean_probability:Q", title="Predicted risk", axis=alt.Axis(format="%")),
            y=alt.Y("observed_rate:Q", title="Share that left", axis=alt.Axis(format="%")),
            size=alt.Size("rows:Q", title="Customers"),
            tooltip=[
                alt.Tooltip("mean_probability:Q", title="Predicted risk", format=".0%"),
                alt.Tooltip("observed_rate:Q", title="Share that left", format=".0%"),
                alt.Tooltip("rows:Q", title="Customers", format=","),
            ],
        )
    )
    return _finished(
        (line + points).properties(height=320),
        "Predicted risk against the share that left, by groups of customers: "
        + ", ".join(
            f"{row['mean_probability']:.0%} predicted, {row['observed_rate']:.0%} left"
            for row in table.to_dict("records")
        )
        + ".",
    )


def caught(table: pd.DataFrame, names: dict[str, str]) -> alt.Chart:
    """Share of leavers found in the first part of the list, by method."""
    named = table.assign(method=table["model"].map(names).fillna(table["model"]))
    drawn = (
        alt.Chart(named)
        .mark_line()
        .encode(
            x=alt.X("depth:Q", title="Part of the list, riskiest first", axis=alt.Axis(format="%")),
            y=alt.Y("captured:Q", title="Leavers found", axis=alt.Axis(format="%")),
            color=alt.Color(
                "method:N",
                title=None,
                sort=list(names.values()),
                scale=alt.Scale(range=[RED, BLUE, GREEN, ORANGE, GREY]),
            ),
            strokeDash=alt.StrokeDash("method:N", title=None, sort=list(names.values())),
            tooltip=[
                alt.Tooltip("method:N", title="Method"),
                alt.Tooltip("depth:Q", title="Part of the list", format=".0%"),
                alt.Tooltip("captured:Q", title="Leavers found", format=".0%"),
            ],
        )
        .properties(height=320)
    )
    return _finished(
        drawn, "Leavers found in the first part of the list, riskiest first, by method."
    )


def changes(table: pd.DataFrame, value: str, name: str) -> alt.Chart:
    """Bars to both sides: drivers with less and with more impact than before."""
    drawn = (
        alt.Chart(table)
        .mark_bar()
        .encode(
            y=alt.Y(f"{name}:N", sort="-x", title=None, axis=NAMES),
            x=alt.X(f"{value}:Q", title="Change in impact"),
            color=alt.condition(
                alt.datum[value] > 0, alt.value(ORANGE), alt.value(BLUE), empty=False
            ),
            tooltip=[
                alt.Tooltip(f"{name}:N", title="Driver"),
                alt.Tooltip(f"{value}:Q", title="Change in impact", format="+.3f"),
            ],
        )
    )
    return _finished(
        drawn, "Change in impact, by driver: " + in_words(table, name, value, form="+.3f")
    )


def rates(table: pd.DataFrame, outcome: str = "Share that left") -> alt.Chart:
    """Share that left, month by month, by segment."""
    drawn = (
        alt.Chart(table)
        .mark_line(point=True)
        .encode(
            x=alt.X("as_of_date:T", title=None, axis=alt.Axis(format="%b %Y")),
            y=alt.Y("churn_rate:Q", title=outcome, axis=alt.Axis(format="%")),
            color=alt.Color(
                "segment:N", title=None, scale=alt.Scale(range=[RED, BLUE, GREEN, ORANGE, GREY])
            ),
            strokeDash=alt.StrokeDash("segment:N", title=None),
            tooltip=[
                alt.Tooltip("segment:N", title="Segment"),
                alt.Tooltip("as_of_date:T", title="Customers of", format="%d %B %Y"),
                alt.Tooltip("customers:Q", title="Customers", format=","),
                alt.Tooltip("churn_rate:Q", title=outcome, format=".1%"),
            ],
        )
        .properties(height=280)
    )
    return _finished(drawn, f"{outcome}, share by month and segment.")


def effects(table: pd.DataFrame) -> alt.LayerChart:
    """What contacts changed, a line from the lower to the upper limit for each part.

    Args:
        table: `part`, and `effect`, `low` and `high` in customers of 100.
    """
    title = "More of 100 customers stayed, with 95% interval"
    base = alt.Chart(table).encode(
        y=alt.Y("part:N", sort=None, title=None, axis=NAMES),
        tooltip=[
            alt.Tooltip("part:N", title="Members"),
            alt.Tooltip("effect:Q", title="More of 100 stayed", format="+.1f"),
            alt.Tooltip("low:Q", title="At least", format="+.1f"),
            alt.Tooltip("high:Q", title="At most", format="+.1f"),
        ],
    )
    spans = base.mark_rule(color=BLUE, size=3).encode(x=alt.X("low:Q", title=title), x2="high:Q")
    points = base.mark_point(color=BLUE, filled=True, size=90, opacity=1).encode(x="effect:Q")
    nothing = (
        alt.Chart(pd.DataFrame({"low": [0]}))
        .mark_rule(color=GREY, strokeDash=[4, 3], size=2)
        .encode(x="low:Q")
    )
    said = "; ".join(
        f"{row.part} {row.effect:+.1f}, from {row.low:+.1f} to {row.high:+.1f}"
        for row in table.itertuples()
    )
    return _finished(
        (nothing + spans + points).properties(height=60 + 34 * len(table)), f"{title}: {said}."
    )


def profit_curve(table: pd.DataFrame, budget: float, currency: str) -> alt.LayerChart:
    """Expected profit by budget, with the budget of the plan."""
    line = (
        alt.Chart(table)
        .mark_line(color=BLUE)
        .encode(
            x=alt.X("budget:Q", title=f"Budget, {currency}", axis=alt.Axis(format=",.0f")),
            y=alt.Y(
                "expected_profit:Q",
                title=f"Expected profit, {currency}",
                axis=alt.Axis(format=",.0f"),
            ),
            tooltip=[
                alt.Tooltip("budget:Q", title="Budget", format=",.0f"),
                alt.Tooltip("customers:Q", title="Customers in the plan", format=","),
                alt.Tooltip("expected_profit:Q", title="Expected profit", format=",.0f"),
            ],
        )
    )
    here = (
        alt.Chart(pd.DataFrame({"budget": [budget]}))
        .mark_rule(color=RED, strokeDash=[4, 4], size=2)
        .encode(x="budget:Q")
    )
    return _finished(
        (line + here).properties(height=280),
        f"Expected profit by budget, {currency}: "
        f"{_ends(table, 'budget', 'expected_profit', ',.0f')} The budget is {budget:,.0f}.",
    )
