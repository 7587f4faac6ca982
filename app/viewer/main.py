"""Entry of the viewer: the script that Streamlit runs for every page."""

import streamlit as st

from app.viewer.pages import PAGES
from app.viewer.serve import MAIN

STYLE = MAIN.with_name("style.css")

# Drawn here: an icon by name would be fetched from a server of fonts.
ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">'
    '<rect width="32" height="32" rx="7" fill="#0072B2"/>'
    '<path d="M7 10 L14 17 L18 13 L25 22" fill="none" stroke="#fff" stroke-width="3" '
    'stroke-linecap="round" stroke-linejoin="round"/></svg>'
)


def _start() -> None:
    """The page without a name in its address, which Streamlit needs one of."""
    st.switch_page(PAGES[0].path, query_params=st.query_params.to_dict())


st.set_page_config(page_icon=ICON, layout="wide")
st.html(STYLE)
# `context` draws the links: those of Streamlit lose the business and the filters.
st.navigation(
    [
        st.Page(_start, title="Start", url_path="start", default=True),
        *(
            st.Page(page.path, title=page.title, icon=page.icon, url_path=page.address)
            for page in PAGES
        ),
    ],
    position="hidden",
).run()
