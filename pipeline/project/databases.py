"""Addresses of databases, and what may be said of them: never a password."""

import os
import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from pipeline.project.connection_settings import FROM_ENVIRONMENT
from pipeline.project.errors import ChurnError

POSTGRES = ("postgresql://", "postgres://")


def resolved(url: str) -> str:
    """Return the address that `env:NAME` stands for; another one as it is.

    Raises:
        ChurnError: The variable is not set.
    """
    if not url.startswith(FROM_ENVIRONMENT):
        return url
    name = url.removeprefix(FROM_ENVIRONMENT)
    found = os.environ.get(name, "").strip()
    if "://" not in found:
        raise ChurnError(
            f"The environment variable {name} holds no address of a database."
            if found
            else f"The environment variable {name} is not set.",
            hint=f"export {name}=postgresql://USER:PASSWORD@HOST/DATABASE",
        )
    return found


def without_password(url: str) -> str:
    """Return an address without its password, which may stand before the host or in the query."""
    parts = urlsplit(url)
    if not parts.netloc:  # not an address: nothing says which part of it is secret
        return f"{parts.scheme}:…" if parts.scheme else "…"
    user, at, host = parts.netloc.rpartition("@")
    asked = [(name, value) for name, value in parse_qsl(parts.query) if name != "password"]
    return urlunsplit(
        parts._replace(netloc=f"{user.partition(':')[0]}{at}{host}", query=urlencode(asked))
    )


def without_secrets(words: str, url: str) -> str:
    """Return words of a driver on one line, without the password of an address."""
    parts = urlsplit(url)
    secrets = {parts.password, *(v for name, v in parse_qsl(parts.query) if name == "password")}
    words = " ".join(words.split())
    for secret in filter(None, (*secrets, *(unquote(one) for one in secrets if one))):
        words = words.replace(secret, "…")
    return words


def without_address(words: str, url: str) -> str:
    """Return words of a driver without any part of an address that comes from the environment."""
    parts = urlsplit(url)
    words = without_secrets(words.replace(url, "…"), url)
    names = {parts.netloc, parts.hostname, parts.username, parts.path.strip("/")}
    # a host may stand in the query, too, with its port
    hosts = [value for _, value in parse_qsl(parts.query) if "." in value or ":" in value]
    names |= {*hosts, *(host.partition(":")[0] for host in hosts)}
    for name in sorted(filter(None, names), key=len, reverse=True):
        words = re.sub(rf"(?<!\w){re.escape(unquote(name))}(?!\w)", "…", words)
    return words


def postgres_driver() -> Any:
    """Return the driver of PostgreSQL.

    Raises:
        ChurnError: The extra is not installed.
    """
    try:
        from adbc_driver_postgresql import dbapi
    except ModuleNotFoundError:
        raise ChurnError(
            "PostgreSQL needs an extra that is not installed.",
            hint="Run `.venv/bin/python -m pip install -e '.[postgres]'`.",
        ) from None
    return dbapi
