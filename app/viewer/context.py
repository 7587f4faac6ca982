"""The head of every page: business, links, published generation, and age of the data."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import NoReturn

import streamlit as st

from app.people import ROLE_WORDS, Person
from app.viewer import words
from app.viewer.pages import PAGES, ViewerPage
from app.viewer.plain import plain
from app.viewer.published import Published, Row, one, published, rows
from app.viewer.quality_badge import quality_of, show_badge
from app.viewer.sign_in import DEMO, SIGN_OUT, signed_in, uses_openid
from pipeline.project.home import home
from pipeline.project.origin import is_demo

# Every page warns of data that are older than this.
STALE_DAYS = 7
# The name of the chosen business in an address, and of the widget that chooses it.
BUSINESS = "business"
# What the pages of this session were last asked for: (business, file of the page) → address.
_VISITED = "_visited"
_ASKED = "_asked_business"

Query = dict[str, str | list[str]]


@dataclass(frozen=True)
class Context:
    """What a page shows.

    Attributes:
        generation: What is published.
        domain: The chosen domain's row of `bi_domains`.
        here: The page itself.
        is_demo: Whether the customers are made up.
    """

    generation: Published
    domain: Row
    here: ViewerPage = PAGES[0]
    is_demo: bool = False

    @property
    def name(self) -> str:
        """Name of the domain."""
        return str(self.domain["domain"])

    @property
    def title(self) -> str:
        """What people call the business."""
        return str(self.domain["title"])

    @property
    def currency(self) -> str:
        """Its currency."""
        return str(self.domain["currency"])

    @property
    def cut_off(self) -> str:
        """The day the data end, in words."""
        return words.day(self.domain["as_of_date"])

    @property
    def outcome(self) -> str:
        """Churn in a few words, as the head of a column."""
        return str(self.domain.get("outcome_title") or "Left")

    @property
    def today(self) -> date:
        """The day on which the page is read; that of the demo is the day after its data end."""
        if self.is_demo:
            ends: date = self.domain["as_of_date"].date()
            return ends + timedelta(days=1)
        return datetime.now(UTC).date()

    def query(self, **more: str | Iterable[str]) -> Query:
        """Return what the address of a page holds: the business, and what is given."""
        given = {
            name: value if isinstance(value, str) else list(value) for name, value in more.items()
        }
        return {BUSINESS: self.title, **given}

    def link(self, file: str, label: str, *, icon: str = "", **more: str | Iterable[str]) -> None:
        """Show a link to a page of the same business.

        Args:
            file: The page's file under `screens/`, without its ending.
            label: Words of the link; shown as they are.
            icon: Streamlit's name of an icon, none by default.
            more: What else the page's address holds, such as filters or a customer.
        """
        st.page_link(
            f"screens/{file}.py",
            label=plain(label),
            icon=icon,
            query_params=self.query(**more),
        )


def context(title: str) -> Context:
    """Draw the head of a page and return what the page shows.

    The page stops here with a message if nothing is published, or if its address asks for a
    business that does not exist.

    Args:
        title: Title of the page; heading and browser's tab show it after the business.
    """
    person = signed_in()
    generation = published()
    if generation is None:
        st.title("Nothing to show yet")
        st.info(
            "Nothing has been published yet. Run `churn run` for your own files, or `make demo` "
            "for made-up customers. The pages fill as soon as the run has published."
        )
        st.stop()
    domains = rows(
        generation, "select domain, title from bi_domains where run_id is not null order by title"
    )
    if domains.empty:
        st.title("No customers scored yet")
        st.info(
            "The published data hold no scored customers. There may be too little history to "
            "learn from. Ask your data team what the last run reported."
        )
        st.stop()
    here = next(page for page in PAGES if page.title == title)
    names = dict(zip(domains["title"], domains["domain"], strict=True))
    chosen = _chosen_business(names)
    if chosen is None:
        _unknown_business(here, list(names))
    row = one(generation, "select * from bi_domains where title = ?", chosen)
    assert row is not None  # noqa: S101 - it was listed
    page = Context(generation, row, here, is_demo(home(), str(row["domain"])))
    st.set_page_config(page_title=f"{chosen} · {title}")
    with st.sidebar:
        _choose_business(list(names), chosen, here)
        _links(page)
        show_badge(quality_of(generation, page.name))
        st.caption(
            f"Data up to {page.cut_off}. Published {words.minute(generation.published_at)}. Model "
            f"trained on customers up to {words.day(row['trained_until'])}."
        )
        _signed_in_as(person)
    age = (page.today - row["as_of_date"].date()).days
    if age > STALE_DAYS:
        st.warning(
            f"The data end on {page.cut_off}, {words.ago(age)}. No figure includes what has "
            "happened since.",
            icon=":material/schedule:",
        )
    st.title(plain(f"{chosen} · {title}"), anchor=False)
    if page.is_demo:
        st.caption(f"Demo: today is {words.day(page.today)}. The customers are made up.")
    return page


def _signed_in_as(person: Person) -> None:
    """Show who has signed in, and the way out."""
    if person == DEMO:
        return
    st.caption(f"Signed in as {plain(person.name)}, who may {ROLE_WORDS[person.role]}.")
    if uses_openid():
        st.button("Sign out", on_click=st.logout, type="tertiary")
    else:
        st.link_button("Sign out", SIGN_OUT, type="tertiary")


def chosen_or_stop(page: Context, key: str, what: str, choices: Iterable[str]) -> list[str]:
    """Return what the address asks of a filter; stop the page if some of it does not exist.

    Without this a widget would drop what it does not know, and the page would show everybody.
    Call it before the widget of that key is drawn.

    Args:
        page: What the page shows.
        key: Name of the filter in the address, which is the key of its widget.
        what: What is filtered by, such as `segment`.
        choices: What there is.
    """
    asked, known = st.query_params.get_all(key), set(choices)
    unknown = [choice for choice in asked if choice not in known]
    if unknown:
        _does_not_exist(what, unknown)
        others = {name: st.query_params.get_all(name) for name in st.query_params}
        st.page_link(
            page.here.path,
            label=plain(f"Show the page without this {what}"),
            icon="",
            query_params={name: values for name, values in others.items() if name != key},
        )
        st.stop()
    return asked


def _chosen_business(names: dict[str, str]) -> str | None:
    """Return the title of the business that the address names; None if there is no such one.

    An address without a business gets one: the one of this session, or the first.
    """
    asked = st.query_params.get(BUSINESS)
    if asked is None:
        asked = st.session_state.get(BUSINESS) or next(iter(names))
    found = next((title for title, name in names.items() if asked in (title, name)), None)
    if found is not None and st.query_params.get(BUSINESS) != found:
        st.query_params[BUSINESS] = found
    return found


def _unknown_business(here: ViewerPage, known: list[str]) -> NoReturn:
    """Say that the business of the address does not exist, and offer those that do."""
    st.set_page_config(page_title=f"Not found · {here.title}")
    st.title(here.title, anchor=False)
    _does_not_exist("business", [st.query_params[BUSINESS]])
    for business in known:
        st.page_link(
            here.path,
            label=plain(f"Open {business}"),
            icon="",
            query_params={BUSINESS: business},
        )
    st.stop()


def _choose_business(titles: list[str], chosen: str, here: ViewerPage) -> None:
    """Show the choice of the business. The address decides; the widget only follows it."""
    st.session_state[BUSINESS] = chosen
    st.selectbox("Business", titles, key=BUSINESS, on_change=_ask_for_business)
    asked = st.session_state.pop(_ASKED, chosen)
    if asked != chosen:
        st.switch_page(here.path, query_params={BUSINESS: asked})


def _ask_for_business() -> None:
    """Keep what was chosen, and forget filters and customer: they are of another business."""
    st.session_state[_ASKED] = st.session_state[BUSINESS]
    for key in st.query_params:
        if key != BUSINESS:
            st.session_state.pop(key, None)


def _links(page: Context) -> None:
    """Show the links to all pages, each with what it was last asked for in this business."""
    visited: dict[tuple[str, str], Query] = st.session_state.setdefault(_VISITED, {})
    now: Query = {name: st.query_params.get_all(name) for name in st.query_params}
    visited[page.title, page.here.file] = now
    for each in PAGES:
        st.page_link(
            each.path,
            label=each.title,
            icon=each.icon,
            query_params=visited.get((page.title, each.file), page.query()),
        )


def _does_not_exist(what: str, asked: list[str]) -> None:
    """Say that the address asks for something that is not there."""
    st.error(
        plain(
            f"The address of this page asks for the {what} {words.quoted(asked)}, which does not "
            "exist or does not exist any more. Nothing is shown."
        )
    )
