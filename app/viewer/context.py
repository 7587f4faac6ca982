"""What every page begins with: the generation, the chosen domain, and how old both are."""

from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from app.viewer import words
from app.viewer.published import Published, Row, one, published, rows

# Older than this, data are called old on every page.
STALE_DAYS = 7
# What names the domain in an address.
BUSINESS = "business"


@dataclass(frozen=True)
class Context:
    """What a page shows.

    Attributes:
        generation: What is published.
        domain: The chosen domain's row of `bi_domains`.
    """

    generation: Published
    domain: Row

    @property
    def name(self) -> str:
        """Name of the domain."""
        return str(self.domain["domain"])

    @property
    def currency(self) -> str:
        """Its currency."""
        return str(self.domain["currency"])

    @property
    def cut_off(self) -> str:
        """The day the data end, in words."""
        return words.day(self.domain["as_of_date"])


def context() -> Context:
    """Return what the page shows; without anything published, say so and stop."""
    generation = published()
    if generation is None:
        st.title("Nothing to show yet")
        st.info(
            "Nothing has been published. `make demo` fills this viewer with made-up customers; "
            "`churn run` does it with your own files. The page shows it as soon as it is there."
        )
        st.stop()
    domains = rows(generation, "select title from bi_domains where run_id is not null")
    if domains.empty:
        st.title("Nobody is scored yet")
        st.info(
            "What is published holds no scored customers. `churn run` says why: there may be too "
            "little data to learn from."
        )
        st.stop()
    with st.sidebar:
        # the address holds what is shown, so the title is the choice
        chosen = st.selectbox(
            "Business",
            sorted(domains["title"]),
            key=BUSINESS,
            bind="query-params",
            persist_state="session",
        )
    row = one(generation, "select * from bi_domains where title = ?", chosen)
    assert row is not None  # noqa: S101 - it was listed
    found = Context(generation, row)
    with st.sidebar:
        st.caption(
            f"Data until {found.cut_off}. Scored {words.day(row['scored_at'])}, published "
            f"{words.day(generation.published_at.date())}. Model trained on outcomes until "
            f"{words.day(row['trained_until'])}."
        )
    age = (datetime.now(UTC).date() - row["as_of_date"].date()).days
    if age > STALE_DAYS:
        st.warning(
            f"These data end on {found.cut_off}, {words.ago(age)}. What has happened since is not "
            "in any figure here.",
            icon=":material/schedule:",
        )
    return found
