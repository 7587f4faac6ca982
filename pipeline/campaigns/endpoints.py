"""The receivers of messages: added, rotated and enabled from the command line only."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from pipeline.campaigns.life_cycle import FILES
from pipeline.campaigns.signing import check_secret, keep_secret, new_secret
from pipeline.campaigns.tables import ENDPOINTS
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.state import reading_from
from pipeline.retention.audit import record
from pipeline.retention.decisions import writing

_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")


@dataclass(frozen=True)
class Endpoint:
    """A receiver of messages.

    Attributes:
        domain: Domain.
        name: Name, unique in the domain.
        url: Where messages go.
        allows_private: For development: addresses of this machine and its network, and http.
        status: active or disabled.
        disabled_because: Why; None while it is active.
        failing_since: First failure after the last success, UTC; None after a success.
        throttled_until: Until when it gets nothing, since it asked for less.
    """

    domain: str
    name: str
    url: str
    allows_private: bool
    status: Literal["active", "disabled"]
    disabled_because: str | None
    failing_since: datetime | None
    throttled_until: datetime | None


def add_endpoint(
    home: Home,
    domain: str,
    name: str,
    url: str,
    *,
    secret: str | None = None,
    allows_private: bool = False,
    by: str | None = None,
) -> str:
    """Add a receiver; return the secret that signs its messages.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        name: Name, unique in the domain.
        url: Where messages go.
        secret: One that the receiver gave; a random one if None.
        allows_private: For development: addresses of this machine and its network, and http.
        by: Who adds it.

    Raises:
        ChurnError: Name, address or secret are not allowed, or the name is taken.
    """
    if not _NAME.fullmatch(name) or name in FILES:
        raise ChurnError(
            f"{name!r} is not a name of an endpoint.",
            hint="Write small letters, digits, _ and -; csv and parquet stand for files.",
        )
    check_url(url, allows_private)
    secret = new_secret() if secret is None else check_secret(secret)
    now = datetime.now(UTC).replace(tzinfo=None)
    with writing(home) as connection:
        is_new = connection.execute(
            insert(ENDPOINTS)
            .values(
                domain=domain,
                name=name,
                url=url,
                allows_private=allows_private,
                status="active",
                throttles=0,
                added_by=by,
                added_at=now,
            )
            .on_conflict_do_nothing()
        ).rowcount
        if not is_new:
            raise ChurnError(
                f"{domain} has an endpoint {name} already.",
                hint="Choose another name; a new address is a new endpoint.",
            )
        keep_secret(home, domain, name, secret, now)
        record(connection, domain, "added an endpoint", name, by)
    return secret


def rotate_secret(
    home: Home,
    domain: str,
    name: str,
    secret: str | None = None,
    by: str | None = None,
    now: datetime | None = None,
) -> str:
    """Give an endpoint a new secret and return it; for a day messages are signed with both.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        name: Endpoint.
        secret: One that the receiver gave; a random one if None.
        by: Who asks for it.
        now: When the day begins, UTC without a zone; by the clock if None.

    Raises:
        ChurnError: There is no such endpoint, or the secret is not allowed.
    """
    secret = new_secret() if secret is None else check_secret(secret)
    with writing(home) as connection:
        _found(connection, domain, name)
        keep_secret(home, domain, name, secret, now or datetime.now(UTC).replace(tzinfo=None))
        record(connection, domain, "rotated the secret of an endpoint", name, by)
    return secret


def enable_endpoint(home: Home, domain: str, name: str, by: str | None = None) -> Endpoint:
    """Let an endpoint get messages again. Campaigns that it stopped stay stopped.

    Raises:
        ChurnError: There is no such endpoint.
    """
    with writing(home) as connection:
        _found(connection, domain, name)
        connection.execute(
            sa.update(ENDPOINTS)
            .where(ENDPOINTS.c.domain == domain, ENDPOINTS.c.name == name)
            .values(
                status="active",
                disabled_at=None,
                disabled_because=None,
                failing_since=None,
                throttled_until=None,
                throttles=0,
            )
        )
        record(connection, domain, "enabled an endpoint", name, by)
        return _found(connection, domain, name)


def read_endpoints(home: Home, domain: str) -> list[Endpoint]:
    """Return the endpoints of a domain by name."""
    with reading_from(home) as connection:
        if connection is None:
            return []
        found = sa.select(*_columns()).where(ENDPOINTS.c.domain == domain)
        rows = connection.execute(found.order_by(ENDPOINTS.c.name)).mappings()
        return [Endpoint(**row) for row in rows]


def check_url(url: str, allows_private: bool) -> None:
    """Check the form of an address; what it stands for is checked when it is connected to.

    Raises:
        ChurnError: Messages cannot go there.
    """
    try:
        parts = urlsplit(url)
        is_good = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    schemes = ("https", "http") if allows_private else ("https",)
    if not is_good or parts.scheme not in schemes or parts.username or parts.fragment:
        raise ChurnError(
            "The address is not one that messages can go to.",
            where=url[:200],
            hint="Write https://HOST/PATH, without a name or a password in it; "
            "--development allows http and addresses of this machine.",
        )


def _found(connection: sa.Connection, domain: str, name: str) -> Endpoint:
    row = (
        connection.execute(
            sa.select(*_columns()).where(ENDPOINTS.c.domain == domain, ENDPOINTS.c.name == name)
        )
        .mappings()
        .one_or_none()
    )
    if row is None:
        raise ChurnError(
            f"{domain} has no endpoint {name!r}.",
            hint=f"churn endpoints list --domain {domain} lists them.",
        )
    return Endpoint(**row)


def _columns() -> list[sa.Column[object]]:
    return [ENDPOINTS.c[name] for name in Endpoint.__dataclass_fields__]
