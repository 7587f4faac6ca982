"""Entry of the viewer: `streamlit run app/viewer/main.py`."""

import streamlit as st

PAGES = (
    ("today", "Today", ":material/wb_sunny:"),
    ("customers", "Customers at risk", ":material/group:"),
    ("customer", "Customer", ":material/person:"),
    ("plan", "Plan", ":material/payments:"),
    ("precedes", "What precedes leaving", ":material/insights:"),
    ("was_right", "Was it right", ":material/fact_check:"),
    ("glossary", "Glossary and data", ":material/menu_book:"),
)

st.set_page_config(page_title="Who may leave", page_icon=":material/waving_hand:", layout="wide")
st.navigation(
    [
        st.Page(
            f"screens/{name}.py", title=title, icon=icon, url_path=name, default=name == "today"
        )
        for name, title, icon in PAGES
    ]
).run()
