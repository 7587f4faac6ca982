"""The head of every page: title, published generation, chosen business, and age of the data."""

from dataclasses import dataclass
from datetime import UTC, datetime

import streamlit as st

from app.viewer import words
from app.viewer.published import Published, Row, one, published, rows

# Every page warns of data that are older than this.
STALE_DAYS = 7
# The name of the chosen business in an address.
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


def context(title: str) -> Context:
    """Draw the head of a page and return what the page shows.

    The page stops here with a message if nothing is published.

    Args:
        title: Title of the page; the browser's tab shows it with the business.
    """
    generation = published()
    if generation is None:
        st.title("Nothing to show yet")
        st.info(
            "Nothing has been published yet. Run `churn run` for your own files, or `make demo` "
            "for made-up customers. The pages fill as soon as the run has published."
        )
        st.stop()
    domains = rows(generation, "select title from bi_domains where run_id is not null")
    if domains.empty:
        st.title("No customers scored yet")
        st.info(
            "The published data hold no scored customers. There may be too little history to "
            "learn from. Ask your data team what the last run reported."
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
    page = Context(generation, row)
    st.set_page_config(page_title=f"{title} · {chosen}")
    with st.sidebar:
        st.caption(
            f"Data up to {page.cut_off}. Scored {words.day(row['scored_at'])}, published "
            f"{words.day(generation.published_at.date())}. Model trained on customers up to "
            f"{words.day(row['trained_until'])}."
        )
    age = (datetime.now(UTC).date() - row["as_of_date"].date()).days
    if age > STALE_DAYS:
        st.warning(
            f"The data end on {page.cut_off}, {words.ago(age)}. No figure includes what has "
            "happened since.",
            icon=":material/schedule:",
        )
    st.title(title)
    return page
