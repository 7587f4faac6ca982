"""Entry of the viewer: `streamlit run app/viewer/main.py`."""

from typing import NamedTuple

import streamlit as st


class ViewerPage(NamedTuple):
    """A page of the viewer.

    Attributes:
        address: Its path in the browser. Bookmarks hold it, so it stays when a title changes.
        file: Its file under `screens/`.
        title: Its name in the sidebar, the heading and the browser's tab.
        icon: Streamlit's name of the icon.
    """

    address: str
    file: str
    title: str
    icon: str


PAGES = (
    ViewerPage("today", "today", "Today", ":material/wb_sunny:"),
    ViewerPage("customers", "customers", "Customers", ":material/group:"),
    ViewerPage("customer", "customer", "Customer", ":material/person:"),
    ViewerPage("segments", "segments", "Segments", ":material/compare:"),
    ViewerPage("do_not_contact", "do_not_contact", "Do not contact", ":material/person_off:"),
    ViewerPage("plan", "plan", "Plan", ":material/payments:"),
    ViewerPage("precedes", "drivers", "Churn drivers", ":material/insights:"),
    ViewerPage("was_right", "quality", "Track record", ":material/fact_check:"),
    ViewerPage("glossary", "glossary", "Glossary and data", ":material/menu_book:"),
)

st.set_page_config(page_icon=":material/waving_hand:", layout="wide")
st.navigation(
    [
        st.Page(
            f"screens/{page.file}.py",
            title=page.title,
            icon=page.icon,
            url_path=page.address,
            default=page is PAGES[0],
        )
        for page in PAGES
    ]
).run()
