"""Finds a customer by what somebody typed: trimmed, by its beginning, in either case."""

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from app.viewer import words
from app.viewer.context import Context
from app.viewer.published import rows
from pipeline.project.home import home
from pipeline.retention.listed_ids import known_ids

# Beginnings of ids give this many customers at most.
MOST = 50


@dataclass(frozen=True)
class Found:
    """What an id that was typed means.

    Attributes:
        text: The id, trimmed.
        scored: Ids of scored customers: one, or several that begin with the text.
        known: Whether the business knows a customer of this id who is not scored.
        why: Why the customer is not scored, in a sentence; empty for others.
        elsewhere: Titles of other businesses that score a customer of this id.
    """

    text: str
    scored: list[str] = field(default_factory=list)
    known: bool = False
    why: str = ""
    elsewhere: list[str] = field(default_factory=list)

    @property
    def one(self) -> str | None:
        """The scored customer, if it is clear which one."""
        return self.scored[0] if len(self.scored) == 1 else None


def find(page: Context, typed: str) -> Found:
    """Return whom an id means: exactly, in another case, by its beginning, or not scored."""
    # an apostrophe is what a file for Excel has before some ids
    text = typed.strip().removeprefix("'")
    for condition in (
        "customer_id = ?",
        "lower(customer_id) = lower(?)",
        "starts_with(customer_id, ?)",
        "starts_with(lower(customer_id), lower(?))",
    ):
        ids = _ids(page, condition, text)
        if ids:
            return Found(text, ids)
    elsewhere = rows(
        page.generation,
        "select title from bi_customer_360 inner join bi_domains using (domain) "
        "where domain <> ? and customer_id = ? order by title",
        page.name,
        text,
    )
    why = _why_not_scored(page, text)
    return Found(text, [], bool(why), why, [str(title) for title in elsewhere["title"]])


def explained(page: Context, found: Found) -> str:
    """Say why no scored customer was found; the id stands in it as it was typed."""
    business = page.domain["title"]
    if found.known:
        return f"{found.text} is a known customer of {business}, but is not scored. {found.why}"
    if found.elsewhere:
        return (
            f"{business} does not know {found.text}. It is a customer of "
            f"{' and '.join(found.elsewhere)}: choose that business to see the page."
        )
    return (
        f"{business} does not know {found.text}. Check the ID, or enter its first characters to "
        "search."
    )


def _ids(page: Context, condition: str, text: str) -> list[str]:
    ids = rows(
        page.generation,
        f"select customer_id from bi_customer_360 where domain = ? and {condition} "
        f"order by customer_id limit {MOST + 1}",
        page.name,
        text,
    )
    return [str(one) for one in ids["customer_id"]]


def _why_not_scored(page: Context, customer: str) -> str:
    """Return why a known customer is not scored; empty if nothing is known of the customer."""
    rule = f"Not scored: {page.domain['not_scored']}."
    earlier = rows(
        page.generation,
        """
        select max(as_of_date) as as_of_date from (
            select as_of_date from bi_churn_history where domain = $1 and customer_id = $2
            union all
            select as_of_date from bi_churn_backtest where domain = $1 and customer_id = $2
        )
        """,
        page.name,
        customer,
    )["as_of_date"][0]
    if earlier == earlier and earlier is not None:
        return f"The last scoring with this customer was that of {words.day(earlier)}. {rule}"
    gone = rows(
        page.generation,
        "select deleted_reason from crm_churn_actions "
        "where domain = ? and customer_id = ? and is_deleted",
        page.name,
        customer,
    )
    if not gone.empty:
        return rule
    return rule if _is_in_the_data(page.generation.name, page.name, customer) else ""


@st.cache_data(max_entries=200, ttl=600, show_spinner="Looking in the data …")
def _is_in_the_data(generation: str, domain: str, customer: str) -> bool:
    del generation  # part of the cache's key
    known: Any = known_ids(home(), domain, [customer])
    return bool(known)
