"""The viewer's pages as tests open them: the script runs, no browser."""

import json

import duckdb
from streamlit.testing.v1 import AppTest

from app.viewer.context import BUSINESS
from app.viewer.pages import PAGES
from app.viewer.serve import MAIN
from pipeline.publish.generation import current

TITLES = {"kkbox": "KKBox", "ecommerce": "Online shop"}
SCREENS = [page.file for page in PAGES]


def opened(screen, title, **state):
    """A page after it has run on what CHURN_HOME holds."""
    page = AppTest.from_file(str(MAIN), default_timeout=60)
    page.query_params[BUSINESS] = title
    for key, value in state.items():
        page.query_params[key] = value
    page.run()
    return page.switch_page(f"screens/{screen}.py").run()


def text_of(page):
    """All that a page says in sentences."""
    kinds = (page.markdown, page.caption, page.info, page.warning, page.error, page.title)
    return "\n".join(element.value for kind in kinds for element in kind)


def assert_every_page_opens(title, customer):
    """No page fails, or says what no marketer should meet."""
    for screen in SCREENS:
        page = opened(screen, title, **({"customer": customer} if screen == "customer" else {}))
        assert not page.exception, (screen, page.exception)
        assert_plain(text_of(page))


def assert_plain(said):
    """No word of a programmer or a statistician."""
    for word in ("SHAP", "__", "nan", "None", "NaT", "log-odds"):
        assert word not in said, word


def addressed(screen, title, **asked):
    """A page as a link opens it: the address names what it shows."""
    page = AppTest.from_file(str(MAIN), default_timeout=60)
    page.session_state[BUSINESS] = title
    page.run()
    page.switch_page(f"screens/{screen}.py")
    page.query_params.update({BUSINESS: title, **asked})
    return page.run()


def ask(home, sql, *values):
    """Rows of what a home has published."""
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        connection.execute("use serving")
        return connection.execute(sql, list(values)).fetchall()


def charts_of(page):
    """The specifications of a page's charts."""
    return [json.loads(one.proto.spec) for one in page.get("vega_lite_chart")]
