"""The viewer as a web application: Streamlit behind our own shell, addresses and headers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Thread

import streamlit
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response
from starlette.routing import Route
from streamlit.starlette import App

from app.headers import ALWAYS, SafeHeaders, policy
from app.viewer.pages import PAGES
from app.viewer.serve import MAIN
from app.viewer.sign_in import SIGN_IN, SIGN_OUT, Gate, sign_in, sign_out

SCRIPT = MAIN.with_name("navigation.js")


def shell() -> str:
    """Return the page that a browser loads first: Streamlit's, and the script of our own."""
    page = (Path(streamlit.__file__).parent / "static" / "index.html").read_text()
    return page.replace("<head>", f'<head>\n    <script src="./{SCRIPT.name}"></script>', 1)


def viewer_policy(page: str) -> str:
    """Return the Content-Security-Policy of the viewer.

    Beside its own server a page needs `blob:` for files that a table makes in the browser, and
    fonts that its style sheets hold as `data:`. Charts need nothing: Streamlit runs Vega's
    expressions in an interpreter, so no script is made from text.
    """
    return policy(page, img_src="data: blob:", font_src="data:", connect_src="", worker_src="blob:")


async def _shell(_: Request) -> Response:
    return HTMLResponse(SHELL, headers={"Cache-Control": "no-cache"})


async def _script(_: Request) -> Response:
    return FileResponse(SCRIPT, headers={"Cache-Control": "no-cache"})


async def _first_page(request: Request) -> Response:
    """The first page has an address as the others do, so that links to it hold its name."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/{PAGES[0].address}{query}")


def _load() -> None:
    """Load what pages import, and open what they read, before somebody waits for it."""
    import app.viewer.charts
    import app.viewer.last_night
    import app.viewer.moved_table  # noqa: F401
    from app.viewer.published import prepare

    prepare()


@asynccontextmanager
async def _loading(_: App) -> AsyncIterator[None]:
    """Load in the background: the server answers meanwhile."""
    Thread(target=_load, name="load", daemon=True).start()
    yield


SHELL = shell()
app = App(
    MAIN,
    lifespan=_loading,
    routes=[
        Route("/", _first_page),
        Route(SIGN_IN, sign_in, methods=["GET", "POST"]),
        Route(SIGN_OUT, sign_out),
        Route(f"/{SCRIPT.name}", _script),
        *(Route(f"/{page.address}", _shell) for page in PAGES),
    ],
    middleware=[
        Middleware(SafeHeaders, headers=ALWAYS | {"Content-Security-Policy": viewer_policy(SHELL)}),
        Middleware(Gate),
    ],
)
