"""The figures of a domain, by the same SQL on the same published tables as the viewer's pages."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import duckdb

from app.viewer import words
from app.viewer.moved import AT_RISK, BEFORE, COUNTED, DIRECTIONS, PLANNED
from app.viewer.quality_figure import quality_by
from pipeline.alerts.book import Alert
from pipeline.alerts.trouble import KINDS
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.publish.generation import SCHEMA, current

Row = dict[str, Any]
# Campaigns of a digest; all of them are behind the link.
_CAMPAIGNS = 8
_ACTIONS = 6


@dataclass(frozen=True)
class DigestFigure:
    """A figure with the page that shows it.

    Attributes:
        label: What it is.
        value: It, as a reader reads it.
        page: Address of the page.
        query: What else the page's address holds.
        number: The same as a number; None where it is words.
    """

    label: str
    value: str
    page: str
    query: tuple[tuple[str, str], ...] = ()
    number: float | None = None


@dataclass
class Section:
    """Figures of one page.

    Attributes:
        title: What they are about.
        page: Address of the page.
        figures: The figures.
        note: What a reader has to know beside; empty for nothing.
    """

    title: str
    page: str
    figures: list[DigestFigure] = field(default_factory=list)
    note: str = ""


@dataclass
class Business:
    """A domain in the digest.

    Attributes:
        domain: Domain.
        title: What people call it.
        as_of_date: Cut-off of its scores.
        sections: What is told of it.
    """

    domain: str
    title: str
    as_of_date: date
    sections: list[Section]


@contextmanager
def opened(home: Home) -> Iterator[tuple[duckdb.DuckDBPyConnection, str]]:
    """Open the published generation; yield a connection on its tables, and its name.

    Raises:
        ChurnError: Nothing is published.
    """
    live = current(home)
    if live is None:
        raise ChurnError("Nothing is published.", hint="Publish first: churn run.")
    with duckdb.connect(str(live.path), read_only=True) as connection:
        connection.execute(f"use {SCHEMA}")
        yield connection, live.name


def published_domains(connection: duckdb.DuckDBPyConnection) -> list[Row]:
    """Return the rows of `bi_domains` that have scores, by title."""
    return _rows(connection, "select * from bi_domains where run_id is not null order by title")


def business(
    connection: duckdb.DuckDBPyConnection, domain: Row, alerts: Sequence[Alert], generation: str
) -> Business:
    """Return the figures of a domain.

    Args:
        connection: On the published tables.
        domain: Its row of `bi_domains`.
        alerts: Open alerts, of any domain.
        generation: Name of the generation.
    """
    name = str(domain["domain"])
    sections = [
        _at_risk(connection, domain),
        _moved(connection, domain),
        _plan(connection, domain),
        _quality(connection, name),
        _campaigns(connection, domain),
        _freshness(domain, generation),
        _alerts(name, alerts),
    ]
    return Business(
        name, str(domain["title"]), domain["as_of_date"], [one for one in sections if one]
    )


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> list[Row]:
    found = connection.execute(sql, list(values))
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _one(connection: duckdb.DuckDBPyConnection, sql: str, *values: Any) -> Row | None:
    return next(iter(_rows(connection, sql, *values)), None)


def _count(label: str, number: float | None, page: str, **query: str) -> DigestFigure:
    count = number or 0
    return DigestFigure(label, f"{count:,.0f}", page, tuple(query.items()), float(count))


def _money(label: str, amount: float | None, domain: Row, page: str) -> DigestFigure:
    return DigestFigure(
        label, words.money(amount, str(domain["currency"])), page, (), float(amount or 0.0)
    )


def _at_risk(connection: duckdb.DuckDBPyConnection, domain: Row) -> Section:
    head = _one(connection, AT_RISK, domain["domain"]) or {}
    section = Section("At risk", "today", note=words.AT_RISK)
    section.figures = [
        _count("Customers at risk", head["at_risk"], "today"),
        _money("Value at risk", head["value_at_risk"], domain, "today"),
    ]
    if head["cancelled"]:
        section.figures.append(_count("Already cancelled", head["cancelled"], "today"))
    return section


def _moved(connection: duckdb.DuckDBPyConnection, domain: Row) -> Section:
    name = domain["domain"]
    before = _one(connection, BEFORE, name, domain["as_of_date"])
    if before is None or before["since"] is None:
        return Section(
            "Who moved", "changes", note="There are no earlier scores to compare with yet."
        )
    section = Section(f"Changes since {words.day(before['since'])}", "changes")
    if before["run_id"] != domain["run_id"]:
        section.note = "The model has changed since: some moves come from the model."
    counted = {row["direction_code"]: row for row in _rows(connection, COUNTED, name)}
    for direction, title in DIRECTIONS.items():
        row = counted.get(direction, {"customers": 0, "value": 0.0})
        figure = _count(title, row["customers"], "changes", view=direction)
        value = words.money(row["value"], str(domain["currency"])) if row["value"] else ""
        more = f"{figure.value} ({value} at risk)" if value else figure.value
        section.figures.append(
            DigestFigure(figure.label, more, figure.page, figure.query, figure.number)
        )
    return section


def _plan(connection: duckdb.DuckDBPyConnection, domain: Row) -> Section:
    name = domain["domain"]
    budget = _one(connection, "select * from bi_retention_budget where domain = ?", name)
    if budget is None:
        return Section("Actions", "plan", note="No plan has been published for this business.")
    section = Section("Actions", "plan")
    section.figures = [
        _count("To contact", budget["customers"], "plan"),
        _money("Expected profit", budget["expected_profit"], domain, "plan"),
    ]
    actions = _rows(connection, PLANNED, name)
    section.figures += [
        _count(str(row["action_title"]), row["customers"], "plan") for row in actions[:_ACTIONS]
    ]
    if actions[_ACTIONS:]:
        section.note = f"And {len(actions) - _ACTIONS} more actions."
    return section


def _quality(connection: duckdb.DuckDBPyConnection, domain: str) -> Section:
    found = quality_by(lambda sql, name: _one(connection, sql, name), domain)
    if found is None:
        return Section("Quality", "was_right", note="Not measured yet.")
    told = f"{found.word}: {found.pairs} of 100 pairs ranked right"
    figure = DigestFigure("Quality of the scores", told, "was_right", (), 100 * found.ranked_right)
    section = Section("Quality", "was_right", [figure], f"{found.advice} {found.origin}")
    realised = _one(
        connection,
        "select as_of_date, customers, churners, mean_probability * customers as expected "
        "from bi_realised_quality where domain = ? order by as_of_date desc, run_id limit 1",
        domain,
    )
    if realised:
        day = words.day(realised["as_of_date"])
        section.figures += [
            _count(f"Expected to leave, scores of {day}", realised["expected"], "was_right"),
            _count("Left", realised["churners"], "was_right"),
        ]
    return section


def _campaigns(connection: duckdb.DuckDBPyConnection, domain: Row) -> Section | None:
    found = _rows(
        connection,
        "select * from bi_campaigns where domain = ? order by launched_on desc, campaign_name",
        domain["domain"],
    )
    if not found:
        return None
    section = Section("Campaigns", "campaigns")
    for row in found[:_CAMPAIGNS]:
        told = f"{row['delivered']:,} of {row['messages']:,} messages delivered"
        if row["verdict"]:
            told += f"; {row['verdict']}"
        section.figures.append(
            DigestFigure(
                f"{row['campaign_name']} ({row['campaign_status']})",
                told,
                "campaigns",
                (),
                float(row["delivered"]),
            )
        )
    if found[_CAMPAIGNS:]:
        section.note = f"And {len(found) - _CAMPAIGNS} earlier ones."
    return section


def _freshness(domain: Row, generation: str) -> Section:
    moment = datetime.strptime(generation.split("_")[1], "%Y%m%dT%H%M%S%f")
    return Section(
        "Data",
        "nights",
        [
            DigestFigure("Data up to", words.day(domain["as_of_date"]), "nights"),
            DigestFigure("Published", words.minute(moment), "nights"),
        ],
    )


def _alerts(domain: str, alerts: Sequence[Alert]) -> Section:
    own = [one for one in alerts if one.domain in ("", domain)]
    section = Section("Open alerts", "nights")
    section.figures = [_count("Open alerts", len(own), "nights")]
    section.figures += [
        DigestFigure(
            KINDS[one.kind].title if one.kind in KINDS else one.kind,
            f"since {words.day(one.since)}. {one.words}",
            one.page,
        )
        for one in own
    ]
    return section
