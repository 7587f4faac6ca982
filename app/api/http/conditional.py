"""`If-None-Match: *`: not modified if there is an answer at all (RFC 9110, 13.1.2)."""

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Headers of an answer that describe its body.
_OF_BODY = (b"content-length", b"content-type", b"content-disposition")


class AnyTagMiddleware:
    """Turns a tagged 200 into 304 for a caller who has any answer.

    Routes compare tags before they answer. `*` is not a tag: whether there is an answer is known
    only when it is there, after a refused key, an unknown customer or a misspelt filter.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not asks_for_any(Headers(scope=scope).get("if-none-match")):
            await self.app(scope, receive, send)
            return
        is_known = False

        async def answer(message: Message) -> None:
            nonlocal is_known
            if message["type"] == "http.response.start":
                is_known = message["status"] == 200 and "etag" in scope.get("state", {})
                if is_known:
                    headers = [(n, v) for n, v in message["headers"] if n.lower() not in _OF_BODY]
                    message = {**message, "status": 304, "headers": headers}
            elif is_known:
                message = {**message, "body": b""}
            await send(message)

        await self.app(scope, receive, answer)


def asks_for_any(header: str | None) -> bool:
    """Return whether the header If-None-Match is or has a `*`."""
    return header is not None and "*" in {part.strip() for part in header.split(",")}
