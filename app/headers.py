"""Headers that tell a browser what a page may load, and that no other site may frame it."""

import base64
import hashlib
import re
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

# An inline script of a page: it runs only if the policy names its hash.
_INLINE = re.compile(r"<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", re.DOTALL)


def policy(html: str, **more: str) -> str:
    """Return the Content-Security-Policy of a page that loads only what its own server sends.

    Styles may be inline, because both Streamlit and Swagger UI write them so. Scripts may not,
    but for those of the page itself, which are named by their hash.

    Args:
        html: The page; its inline scripts are allowed.
        more: Directive, with `_` for `-` → sources beside 'self'.
    """
    allowed: dict[str, str] = {
        "default_src": "",
        "script_src": " ".join(f"'sha256-{_hash(script)}'" for script in _INLINE.findall(html)),
        "style_src": "'unsafe-inline'",
        "img_src": "data:",
    }
    directives = [
        " ".join(filter(None, (name.replace("_", "-"), "'self'", sources)))
        for name, sources in (allowed | more).items()
    ]
    return "; ".join([*directives, "object-src 'none'", *_CLOSED])


_CLOSED = ("base-uri 'self'", "form-action 'self'", "frame-ancestors 'none'")
# Of an answer that is no page.
NO_PAGE = "default-src 'none'; frame-ancestors 'none'"
ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    # an address may hold a customer's id
    "Referrer-Policy": "no-referrer",
}


class SafeHeaders:
    """Middleware: adds headers to every answer; an answer keeps those it already has."""

    def __init__(self, app: ASGIApp, headers: Mapping[str, str]) -> None:
        """Keep the next application and the headers."""
        self._app = app
        self._headers = [
            (name.lower().encode("latin-1"), value.encode("latin-1"))
            for name, value in headers.items()
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on and add the headers to its answer."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message.get("headers", ())}
                more = [header for header in self._headers if header[0] not in present]
                message = {**message, "headers": [*message.get("headers", ()), *more]}
            await send(message)

        await self._app(scope, receive, with_headers)


def _hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
