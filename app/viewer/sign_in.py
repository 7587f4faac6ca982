"""Who opens the viewer: a password of one's own, OpenID Connect, or nobody in particular on a demo.

A browser that has signed in keeps a signed cookie, which pages and their connection need. Without
one it gets the page that asks for name and password, and no figure.
"""

import html
from collections.abc import Mapping
from functools import lru_cache
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import streamlit as st
from itsdangerous import BadSignature, URLSafeTimedSerializer
from limits import parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.people import People, Person, read_people
from pipeline.project.home import Home, home
from pipeline.project.origin import is_demo

COOKIE = "churn_person"
SIGN_IN, SIGN_OUT = "/sign-in", "/sign-out"
# A day at work, after which a browser asks again.
_SECONDS = 12 * 3600
# Wrong passwords for a name before it has to wait.
_TRIES = parse("10/minute")
_LONGEST = 10_000
# Whoever opens a demo on a machine of their own.
DEMO = Person("viewer", "approve")
_OPEN = frozenset({SIGN_IN, "/_stcore/health"})


def needs_nobody(where: Home) -> bool:
    """Whether anybody may open the viewer: nobody was added, and there is nothing but made-up data.

    What is published without a lake beside it may be anybody's.
    """
    if where.people.exists():
        return False
    domains = [path.name for path in where.lake.glob("*") if path.is_dir()]
    if not domains:
        return not where.published.exists()
    return all(is_demo(where, domain) for domain in domains)


def uses_openid() -> bool:
    """Whether people sign in by OpenID Connect: Streamlit's secrets have a section `auth`."""
    return st.secrets.load_if_toml_exists() and "auth" in st.secrets


def person_of(where: Home, cookies: Mapping[str, str]) -> Person | None:
    """Return who a browser's cookies say has signed in; None if nobody has, or no more."""
    people = _people(where)
    if people is None:
        return DEMO if needs_nobody(where) else None
    try:
        session = _signer(people).loads(cookies.get(COOKIE, ""), max_age=_SECONDS)
    except BadSignature:
        return None
    return people.of_session(str(session))


def signed_in() -> Person:
    """Return who opens the page; it stops here with what to do if nobody has signed in."""
    if not uses_openid():
        found = person_of(home(), st.context.cookies)
        if found is None:
            st.title("Please sign in")
            st.info("Your session has ended. Load this page again to sign in.")
            st.stop()
        return found
    if not st.user.is_logged_in:
        st.title("Please sign in")
        st.button("Sign in", on_click=st.login)
        st.stop()
    people, name = _people(home()), str(st.user.get("email") or "")
    found = people.find(name) if people is not None and st.user.get("email_verified") else None
    if found is None:
        st.title("No access")
        st.info("You are signed in, but nobody has added you yet. Ask your data team.")
        st.button("Sign out", on_click=st.logout)
        st.stop()
    return found


class Gate:
    """Middleware: only who has signed in gets through, to pages and to their connection."""

    def __init__(self, app: ASGIApp) -> None:
        """Keep the next application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or ask who it is."""
        is_open = scope["type"] == "lifespan" or scope["path"] in _OPEN or uses_openid()
        if is_open or person_of(home(), _cookies(scope)) is not None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        elif scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", ""):
            query = scope["query_string"].decode("latin-1")
            there = scope["path"] + (f"?{query}" if query else "")
            await RedirectResponse(f"{SIGN_IN}?next={quote(there, safe='')}", 303)(
                scope, receive, send
            )
        else:
            await PlainTextResponse("Sign in first.", 401)(scope, receive, send)


async def sign_in(request: Request) -> Response:
    """Show the form, or check name and password and let the browser in."""
    people = _people(home())
    there = _inside(request.query_params.get("next", "/"))
    if people is None:
        return _page(
            "<p>Nobody can sign in yet. Your data team adds people with "
            "<code>churn people add</code>.</p>",
            403,
        )
    if request.method == "GET":
        return _form(there)
    if int(request.headers.get("content-length") or 0) > _LONGEST:
        return _form(there, "Name or password is too long.", 413)
    given = parse_qs((await request.body()).decode("utf-8", "replace"))
    name, password = (given.get(key, [""])[0] for key in ("name", "password"))
    if not _limiter.test(_TRIES, name):
        return _form(there, "Too many tries. Wait a minute, then try again.", 429)
    person = people.check(name, password)
    if person is None:
        _limiter.hit(_TRIES, name)
        return _form(there, "Name or password is wrong.", 401)
    answer = RedirectResponse(there, 303)
    answer.set_cookie(
        COOKIE,
        _signer(people).dumps(people.session(person.name)),
        max_age=_SECONDS,
        httponly=True,
        samesite="lax",
        secure=request.url.scheme == "https",
    )
    return answer


async def sign_out(_: Request) -> Response:
    """Forget who the browser is."""
    answer = RedirectResponse(SIGN_IN, 303)
    answer.delete_cookie(COOKIE)
    return answer


def _form(there: str, problem: str = "", status: int = 200) -> Response:
    said = f'<p role="alert">{html.escape(problem)}</p>' if problem else ""
    return _page(
        f"""{said}<form method="post" action="{SIGN_IN}?next={quote(there, safe="")}">
<label>Name<input name="name" autocomplete="username" required autofocus></label>
<label>Password<input name="password" type="password" autocomplete="current-password" required>
</label><button>Sign in</button></form>""",
        status,
    )


def _page(body: str, status: int = 200) -> Response:
    return HTMLResponse(
        f"""<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Sign in</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><style>
body {{ font: 16px/1.5 system-ui, sans-serif; color: #31333f; max-width: 22rem; margin: 15vh auto;
padding: 0 1rem }} label {{ display: block; margin: 1rem 0 }} input {{ display: block; width: 100%;
box-sizing: border-box; font: inherit; padding: .5rem; border: 1px solid #767676;
border-radius: .4rem }} button {{ font: inherit; padding: .5rem 1.2rem; color: #fff;
background: #0072b2; border: 0; border-radius: .4rem }} [role=alert] {{ color: #b00020 }}
</style></head><body><main><h1>Who may leave</h1>{body}</main></body></html>""",
        status,
        headers={"Cache-Control": "no-store"},
    )


def _inside(address: str) -> str:
    """Return an address if it is one of this server's, otherwise that of the first page."""
    parts = urlsplit(address)
    is_inside = not parts.scheme and not parts.netloc and address.startswith("/")
    return address if is_inside and not address.startswith(("//", "/\\")) else "/"


def _cookies(scope: Scope) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie(Headers(scope=scope).get("cookie", ""))
    return {name: morsel.value for name, morsel in jar.items()}


def _signer(people: People) -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(people.secret, salt="viewer")


def _people(where: Home) -> People | None:
    """Return who may use the viewer, read again when the file changes."""
    if not where.people.exists():
        return None
    stamp = where.people.stat()
    return _read(where.root, stamp.st_mtime_ns, stamp.st_ino)


@lru_cache(maxsize=4)
def _read(root: Path, written: int, inode: int) -> People | None:
    del written, inode  # parts of the cache's key
    return read_people(Home(root))


_limiter = FixedWindowRateLimiter(MemoryStorage())
