"""Makes one attempt to deliver a message."""

import time
from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from pipeline.campaigns.addresses import RefusedAddressError, guarded_transport

# Seconds of one attempt; the specification asks for 15 to 30.
TIMEOUT = 20.0


@dataclass(frozen=True)
class Reply:
    """How an attempt ended.

    Attributes:
        status: Of the HTTP answer; None without one.
        retry_after: Header of that name; None without one.
        problem: Why there is no answer: refused address, timed out, or not connected.
        milliseconds: How long it took.
    """

    status: int | None = None
    retry_after: str | None = None
    problem: str | None = None
    milliseconds: int = 0


class Sender:
    """Sends messages; thread-safe.

    Args:
        seconds: Limit of one attempt.
    """

    def __init__(self, seconds: float = TIMEOUT) -> None:
        self._clients = {
            allows_private: httpx.Client(
                transport=guarded_transport(allows_private, seconds),
                timeout=seconds,
                # an answer that points elsewhere is no success, and elsewhere was not checked
                follow_redirects=False,
                trust_env=False,
            )
            for allows_private in (False, True)
        }

    def send(self, url: str, allows_private: bool, headers: Mapping[str, str], body: str) -> Reply:
        """Send a message; only the head of the answer is read."""
        began = time.monotonic()
        try:
            with self._clients[allows_private].stream(
                "POST",
                url,
                headers={
                    "Content-Type": "application/json",
                    "User-Agent": "churn-webhooks/1.0",
                    **headers,
                },
                content=body.encode(),
            ) as answer:
                return Reply(
                    answer.status_code, answer.headers.get("retry-after"), None, _since(began)
                )
        except RefusedAddressError:
            problem = "refused address"
        except httpx.TimeoutException:
            problem = "timed out"
        except httpx.HTTPError:
            problem = "not connected"
        return Reply(problem=problem, milliseconds=_since(began))

    def close(self) -> None:
        """Close all connections."""
        for client in self._clients.values():
            client.close()


def _since(began: float) -> int:
    return round(1000 * (time.monotonic() - began))
