"""API keys: 256 random bits each, kept as a hash, with scopes and domains."""

import hashlib
import hmac
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

import sqlalchemy as sa

from app.api.access.store import KEYS, Store
from app.api.http.problems import ProblemError
from pipeline.project.errors import ChurnError

Scope = Literal["read", "predict", "write", "plan", "approve", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
SCOPE_WORDS: dict[Scope, str] = {
    "read": "every GET under /v1 except batch jobs, and plan trials",
    "predict": "predictions from raw rows, real-time and batch",
    "write": "suppressions, contacts and saved audiences",
    "plan": "drafts of plans and campaigns",
    "approve": "making a draft the plan that is published, and running campaigns",
    "admin": "/metrics",
}
_PREFIX = "churn"


@dataclass(frozen=True)
class Principal:
    """The caller of a request.

    Attributes:
        id: The key's id; not secret.
        name: The key's name.
        scopes: Scopes of the key.
        domains: Domains the key may access; empty for all.
    """

    id: str
    name: str
    scopes: frozenset[str]
    domains: frozenset[str]

    def may_see(self, domain: str) -> bool:
        """Return whether the key may access this domain."""
        return not self.domains or domain in self.domains


def scope_problem(principal: Principal, scopes: Iterable[str]) -> ProblemError | None:
    """Return the problem if the key lacks one of these scopes, otherwise None."""
    missing = [scope for scope in scopes if scope not in principal.scopes]
    if not missing:
        return None
    return ProblemError(
        403,
        "scope-missing",
        f"This key lacks the scope {missing[0]}; it has {', '.join(sorted(principal.scopes))}.",
        required=missing[0],
    )


@dataclass(frozen=True)
class ApiKey:
    """A stored key."""

    principal: Principal
    hash: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def is_good(self, now: datetime) -> bool:
        """Return whether the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


def create_key(
    store: Store,
    name: str,
    scopes: Sequence[str],
    domains: Sequence[str] = (),
    expires_at: datetime | None = None,
) -> str:
    """Create a key and return it; only its hash is stored, so it cannot be shown again.

    A plain SHA-256 is enough, because 256 random bits cannot be guessed.

    Raises:
        ChurnError: A scope is unknown, the name is missing, or an active key has it.
    """
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise ChurnError(
            f"There is no scope {unknown[0]!r}." if unknown else "A key needs a scope.",
            hint=f"Choose from {', '.join(SCOPES)}.",
        )
    if not name.strip():
        raise ChurnError("A key needs a name.", hint="Name its owner or use: --name 'crm sync'.")
    now = _now()
    with store.writing() as connection:
        if any(k.principal.name == name and k.is_good(now) for k in _read(connection)):
            raise ChurnError(
                f"There is already an active key named {name!r}.",
                hint="Choose another name, or revoke it with churn keys revoke.",
            )
        key_id = secrets.token_hex(4)
        token = f"{_PREFIX}_{key_id}_{secrets.token_urlsafe(32)}"
        connection.execute(
            sa.insert(KEYS).values(
                id=key_id,
                name=name,
                hash=_hash(token),
                scopes=" ".join(sorted(set(scopes))),
                domains=" ".join(sorted(set(domains))),
                created_at=now,
                expires_at=expires_at,
            )
        )
    return token


def list_keys(store: Store) -> list[ApiKey]:
    """Return all keys ever created, oldest first."""
    with store.reading() as connection:
        return _read(connection)


def revoke_key(store: Store, named: str) -> ApiKey:
    """Revoke the key with an id or name; its next request is refused.

    Raises:
        ChurnError: No active key has that id or name.
    """
    now = _now()
    with store.writing() as connection:
        found = [
            key
            for key in _read(connection)
            if named in (key.principal.id, key.principal.name) and key.revoked_at is None
        ]
        if not found:
            raise ChurnError(
                f"No active key is named {named!r}.", hint="List the keys: churn keys list"
            )
        connection.execute(
            sa.update(KEYS)
            .where(KEYS.c.id.in_([key.principal.id for key in found]))
            .values(revoked_at=now)
        )
    return found[-1]


class KeyRing:
    """Keys in memory, re-read after any write to the state."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._engine: sa.Engine | None = None
        self._watch: sa.Connection | None = None
        self._version = -1
        self._keys: dict[str, ApiKey] = {}

    def find(self, token: str) -> Principal | None:
        """Return the owner of a token; None if it is unknown, revoked or expired.

        The key is looked up by id, and its hash is compared in constant time.
        """
        parts = token.split("_", 2)
        if len(parts) != 3 or parts[0] != _PREFIX:
            return None
        self._follow()
        key = self._keys.get(parts[1])
        if key is None or not hmac.compare_digest(key.hash, _hash(token)):
            return None
        return key.principal if key.is_good(_now()) else None

    def _follow(self) -> None:
        engine = self._store.engine
        if engine is not self._engine:
            # another state was put in place of the one that was open
            self.close()
            self._engine, self._version = engine, -1
        if self._watch is None:
            self._watch = engine.connect()
        # SQLite's counter of commits by other connections: takes microseconds, never misses a write
        driver = self._watch.connection.dbapi_connection
        assert driver is not None  # noqa: S101 - the connection is open
        version = driver.execute("pragma data_version").fetchone()[0]
        if version != self._version:
            # on the same connection: waiting for one from the pool would block the event loop
            self._keys = {key.principal.id: key for key in _read(self._watch)}
            self._watch.rollback()
            self._version = version

    def close(self) -> None:
        """Close the connection to the state."""
        if self._watch is not None:
            self._watch.close()
            self._watch = None


def _read(connection: sa.Connection) -> list[ApiKey]:
    rows = connection.execute(sa.select(KEYS).order_by(KEYS.c.created_at, KEYS.c.id))
    return [
        ApiKey(
            Principal(
                row.id, row.name, frozenset(row.scopes.split()), frozenset(row.domains.split())
            ),
            row.hash,
            row.created_at,
            row.expires_at,
            row.revoked_at,
        )
        for row in rows
    ]


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
