"""Entry of the viewer: the script that Streamlit runs for every page."""

import streamlit as st

from app.viewer.pages import PAGES
from app.viewer.serve import MAIN
from pipeline.project.state_sums import StateDamagedError

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
page = st.navigation(
    [
        st.Page(_start, title="Start", url_path="start", default=True),
        *(
            st.Page(page.path, title=page.title, icon=page.icon, url_path=page.address)
            for page in PAGES
        ),
    ],
    position="hidden",
)
try:
    page.run()
except StateDamagedError:
    # without it nobody knows who must not be contacted
    st.error(
        "The file that keeps people's decisions is damaged, so nothing is shown. Tell whoever runs "
        "this service: a backup has to be restored."
    )
