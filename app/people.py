"""Who may use the viewer, and as what: `CHURN_HOME/people.json`, written by `churn people`.

A password is kept as a scrypt hash (RFC 7914). Who signs in elsewhere has none.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from pipeline.project.errors import ChurnError
from pipeline.project.files import replaced
from pipeline.project.home import Home

Role = Literal["view", "mark", "plan", "approve"]
# In the order of what they may do: each may do what those before it may.
ROLES: tuple[Role, ...] = get_args(Role)
# Scopes of the API that a role's requests have.
SCOPES: Mapping[Role, tuple[str, ...]] = {
    "view": ("read",),
    "mark": ("read", "write"),
    "plan": ("read", "write", "plan"),
    "approve": ("read", "write", "plan", "approve"),
}
ROLE_WORDS: Mapping[Role, str] = {
    "view": "look at every page and download lists",
    "mark": "also mark customers do-not-contact and save audiences",
    "plan": "also save drafts of plans",
    "approve": "also approve a draft, and so publish a plan",
}
SHORTEST = 12
# Cost of a password: some 50 ms, and 16 MB of memory.
_N, _R, _P = 2**14, 8, 1


@dataclass(frozen=True)
class Person:
    """Somebody who uses the viewer.

    Attributes:
        name: Name to sign in with; an e-mail address for people who sign in elsewhere.
        role: What they may do.
    """

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Return whether the person may do what a role may."""
        return ROLES.index(self.role) >= ROLES.index(role)


@dataclass(frozen=True)
class People:
    """Everybody who may use the viewer.

    Attributes:
        secret: Signs what a browser keeps; a new one signs everybody out.
        roles: Name → role.
        passwords: Name → hash of the password, of those who have one.
    """

    secret: str
    roles: Mapping[str, Role]
    passwords: Mapping[str, str]

    def session(self, name: str) -> str:
        """Return what a browser that has signed in keeps; another one after a new password."""
        mark = hashlib.sha256(self.passwords.get(name, "").encode()).hexdigest()
        return f"{mark[:16]} {name}"

    def of_session(self, session: str) -> Person | None:
        """Return whose session it is; None if it has ended."""
        name = session.partition(" ")[2]
        is_theirs = hmac.compare_digest(self.session(name).encode(), session.encode())
        return self.find(name) if is_theirs else None

    def find(self, name: str) -> Person | None:
        """Return a person, None if there is no such one."""
        role = self.roles.get(name)
        return None if role is None else Person(name, role)

    def check(self, name: str, password: str) -> Person | None:
        """Return the person if the password is theirs; an unknown name takes as long."""
        kept = self.passwords.get(name, _NOBODY)
        is_right = hmac.compare_digest(_hash(password, kept.split("$")[1]), kept)
        return self.find(name) if is_right and name in self.passwords else None


def read_people(home: Home) -> People | None:
    """Return who may use the viewer, None if nobody was added yet."""
    if not home.people.exists():
        return None
    document = json.loads(home.people.read_text(encoding="utf-8"))
    people = document["people"]
    return People(
        document["secret"],
        {name: one["role"] for name, one in people.items()},
        {name: one["password"] for name, one in people.items() if one["password"] is not None},
    )


def add_person(home: Home, name: str, role: Role, password: str | None) -> None:
    """Add a person, or give one another role and password.

    Args:
        home: CHURN_HOME.
        name: Name to sign in with.
        role: What they may do.
        password: At least 12 characters; None for people who sign in elsewhere.

    Raises:
        ChurnError: The password is too short, or the name is empty.
    """
    if not name.strip() or name != name.strip():
        raise ChurnError("A person needs a name without blanks around it.")
    if password is not None and len(password) < SHORTEST:
        raise ChurnError(
            f"The password has {len(password)} characters; it needs {SHORTEST}.",
            hint="Several words are easy to remember and long enough.",
        )
    people = read_people(home) or People(secrets.token_hex(32), {}, {})
    kept = {} if password is None else {name: _hash(password, secrets.token_hex(16))}
    others = {other: hashed for other, hashed in people.passwords.items() if other != name}
    _write(home, People(people.secret, {**people.roles, name: role}, others | kept))


def remove_person(home: Home, name: str) -> None:
    """Remove a person, whose open pages end with their next click.

    Raises:
        ChurnError: There is no such person.
    """
    people = read_people(home)
    if people is None or name not in people.roles:
        raise ChurnError(f"There is no {name!r}.", hint="`churn people list` shows everybody.")
    _write(
        home,
        People(
            people.secret,
            {other: role for other, role in people.roles.items() if other != name},
            {other: hashed for other, hashed in people.passwords.items() if other != name},
        ),
    )


def _write(home: Home, people: People) -> None:
    document = {
        "secret": people.secret,
        "people": {
            name: {"role": role, "password": people.passwords.get(name)}
            for name, role in sorted(people.roles.items())
        },
    }
    home.root.mkdir(parents=True, exist_ok=True)
    with replaced(home.people) as part:
        # nobody else may read it, at no time
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)
            file.write("\n")


def _hash(password: str, salt: str) -> str:
    key = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), n=_N, r=_R, p=_P)
    return f"scrypt${salt}${base64.b64encode(key).decode()}"


# Checked for a name that nobody has, so that the time does not tell who is there.
_NOBODY = f"scrypt${'00' * 16}$none"
