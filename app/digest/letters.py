"""Writes the digest: a letter of lines with links, and the same as HTML."""

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from app.digest.figures import Business, DigestFigure, Section
from app.viewer import words
from app.viewer.pages import PAGES
from pipeline.alerts.settings import Targets
from pipeline.alerts.wording import BUSINESS, Letter, Line

_TITLES = {page.address: page.title for page in PAGES}


def digest_letter(
    businesses: Sequence[Business], targets: Targets, generation: str, day: date, reader: str = ""
) -> Letter:
    """Return the digest.

    Args:
        businesses: The domains.
        targets: Says where the viewer is.
        generation: Name of the generation that the figures are of.
        day: The day it is.
        reader: Who gets it; part of its id, so that one who gets it twice can tell.
    """
    names = ", ".join(one.title for one in businesses)
    told = f"{generation}|{day}|{reader}|{names}".encode()

    def link(of: Business, page: str, query: tuple[tuple[str, str], ...] = ()) -> str:
        return targets.link(page, urlencode([(BUSINESS, of.title), *query]))

    return Letter(
        f"digest_{hashlib.sha256(told).hexdigest()[:32]}",
        "digest",
        f"The week in {names}: {words.day(day)}" if names else f"The week: {words.day(day)}",
        tuple(_lines(businesses, link)),
        {
            "generation": generation,
            "businesses": [_data(one, link) for one in businesses],
        },
        _html(businesses, link, day),
        _plain(businesses, link),
    )


def _lines(businesses: Sequence[Business], link: Any) -> list[Line]:
    lines = []
    for one in businesses:
        lines.append(Line(f"{one.title}, data up to {words.day(one.as_of_date)}"))
        for section in one.sections:
            lines.append(Line(section.title, link(one, section.page), _TITLES[section.page]))
            lines += [
                Line(f"{figure.label}: {figure.value}", *_to(one, figure, link))
                for figure in section.figures
            ]
            if section.note:
                lines.append(Line(section.note))
    return lines


def _plain(businesses: Sequence[Business], link: Any) -> str:
    """The digest as plain text: a page's figures stand under its address."""
    lines = []
    for one in businesses:
        head = f"{one.title}, data up to {words.day(one.as_of_date)}"
        lines += [head, "=" * len(head), ""]
        for section in one.sections:
            lines += [section.title, link(one, section.page)]
            for figure in section.figures:
                lines.append(f"  {figure.label}: {figure.value}")
                if (figure.page, figure.query) != (section.page, ()):
                    lines.append(f"    {link(one, figure.page, figure.query)}")
            if section.note:
                lines.append(f"  {section.note}")
            lines.append("")
    return "\n".join(lines)


def _to(of: Business, figure: DigestFigure, link: Any) -> tuple[str, str]:
    return link(of, figure.page, figure.query), _TITLES[figure.page]


def _data(one: Business, link: Any) -> dict[str, Any]:
    return {
        "domain": one.domain,
        "as_of_date": str(one.as_of_date),
        "figures": [
            {
                "section": section.title,
                "label": figure.label,
                "value": figure.value,
                "number": figure.number,
                "page": link(one, figure.page, figure.query),
            }
            for section in one.sections
            for figure in section.figures
        ],
    }


def _html(businesses: Sequence[Business], link: Any, day: date) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("digest.html")
    return template.render(
        businesses=businesses, link=link, pages=_TITLES, day=words.day(day), said=words.day
    )


def only(of: Business, pages: Sequence[str], more: Sequence[Section] = ()) -> Business:
    """Return a domain with the sections of some pages alone, and some more."""
    kept = [section for section in of.sections if section.page in pages]
    return Business(of.domain, of.title, of.as_of_date, [*kept, *more])
