"""The list of the forgotten: keyed hashes of customers who were erased, and nothing else of them.

Ingest, restore and real time ask it, so that nobody comes back with a file, a backup or a request.
The key lies beside the hashes: whoever has both and a list of candidates can test them, which is
what the list is for. The file is its owner's alone.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from pipeline.project.checked import read_checked
from pipeline.project.files import replaced
from pipeline.project.home import Home

_FOR_ITS_OWNER = 0o600


class HashedCustomers(BaseModel):
    """Hashes made with one key.

    Attributes:
        key: The key, 64 hexadecimal digits.
        customers: Domain → HMAC-SHA-256 of each id of those who were forgotten.
    """

    model_config = ConfigDict(extra="forbid")

    key: str
    customers: dict[str, list[str]] = {}

    def hash_of(self, domain: str, customer: str) -> str:
        """Return the hash of an id."""
        text = f"{domain}\n{customer}".encode("utf-8", "surrogatepass")
        return hmac.new(bytes.fromhex(self.key), text, hashlib.sha256).hexdigest()


class ForgottenList(BaseModel):
    """The file: a list per key; a restore may bring one of another CHURN_HOME.

    Attributes:
        lists: The lists; new hashes are added to the first.
    """

    model_config = ConfigDict(extra="forbid")

    lists: list[HashedCustomers] = []


def forgotten_file(home: Home) -> Path:
    """Return the file of the list."""
    return home.root / "forgotten.json"


def read_forgotten(home: Home) -> ForgottenList:
    """Return the list; empty where nobody was forgotten.

    Raises:
        ChurnError: It is damaged: nothing may be loaded then, since somebody could come back.
    """
    return read_list(forgotten_file(home))


def read_list(path: Path) -> ForgottenList:
    """Return the list of a file; empty without one.

    Raises:
        ChurnError: It is damaged.
    """
    if not path.exists():
        return ForgottenList()
    return read_checked(ForgottenList, path, "Put it back from the newest backup.")


def forgotten_among(home: Home, domain: str, customers: Iterable[str]) -> set[str]:
    """Return those of the ids who were forgotten."""
    lists = [one for one in read_forgotten(home).lists if one.customers.get(domain)]
    if not lists:
        return set()
    known = [(one, set(one.customers[domain])) for one in lists]
    return {
        customer
        for customer in customers
        if any(one.hash_of(domain, customer) in hashes for one, hashes in known)
    }


def is_anybody_forgotten(home: Home, domain: str) -> bool:
    """Return whether anybody of a domain was."""
    return any(one.customers.get(domain) for one in read_forgotten(home).lists)


def forget(home: Home, domain: str, customers: Collection[str]) -> list[str]:
    """Add ids to the list; return their hashes."""
    found = read_forgotten(home)
    if not found.lists:
        found.lists.append(HashedCustomers(key=secrets.token_hex(32)))
    first = found.lists[0]
    hashes = sorted(first.hash_of(domain, customer) for customer in customers)
    first.customers[domain] = sorted({*first.customers.get(domain, ()), *hashes})
    _write(forgotten_file(home), found)
    return hashes


def merge_forgotten(home: Home, other: ForgottenList) -> None:
    """Add another list to that of a CHURN_HOME: whoever is on one of them stays forgotten."""
    merge_into(forgotten_file(home), other)


def merge_into(path: Path, other: ForgottenList) -> None:
    """Add another list to that of a file."""
    found = read_list(path)
    by_key: dict[str, Mapping[str, list[str]]] = {}
    for one in (*found.lists, *other.lists):
        known = by_key.get(one.key, {})
        by_key[one.key] = {
            domain: sorted({*known.get(domain, ()), *one.customers.get(domain, ())})
            for domain in (*known, *one.customers)
        }
    if by_key:
        lists = [
            HashedCustomers(key=key, customers=dict(customers)) for key, customers in by_key.items()
        ]
        _write(path, ForgottenList(lists=lists))


def _write(path: Path, found: ForgottenList) -> None:
    with replaced(path) as part:
        part.touch(_FOR_ITS_OWNER)
        part.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")
