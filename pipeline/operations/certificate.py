"""The certificate of an erasure: what was searched and found, signed with Ed25519.

It names nobody: customers are in it as the keyed hashes of the list of the forgotten.
"""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from pipeline.operations.erase import Erasure
from pipeline.project.errors import ChurnError
from pipeline.project.files import replaced, write_json
from pipeline.project.home import Home
from pipeline.project.sums import Damage

_FOR_ITS_OWNER = 0o600


def write_certificate(home: Home, done: Erasure) -> Path:
    """Sign what an erasure did, and keep it under `certificates/`; return the file."""
    now = datetime.now(UTC)
    key = _key(home)
    document: dict[str, Any] = {
        "what": "erasure of customers from a churn platform",
        "erased_at": now.isoformat(timespec="seconds"),
        "domain": done.domain,
        "customers": done.hashes,
        "taken_out": dict(sorted(done.rows.items())),
        "deleted_files": done.deleted,
        "published_as": done.generation,
        "searched": {"files": done.files, "bytes": done.bytes, "files_with_an_id": len(done.hits)},
        "models_that_learned_from_them": {
            run: str(day) if day else "until the next model takes over"
            for run, day in sorted(done.models.items())
        },
        "not_searched": [
            "raw files outside of CHURN_HOME",
            "backups: a restore erases again whom the list of the forgotten names",
            "databases, CRM systems and files that exports have gone to",
        ],
        "public_key": key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex(),
    }
    document["signature"] = key.sign(_signed(document)).hex()
    path = home.root / "certificates" / f"{now:%Y%m%dT%H%M%S%f}.json"
    write_json(path, document)
    return path


def certificate_damages(home: Home) -> tuple[int, list[Damage]]:
    """Return how many certificates there are, and those whose signature does not fit."""
    paths = sorted((home.root / "certificates").glob("*.json"))
    own = _public_key(home)
    return len(paths), [
        Damage(path, why) for path in paths if (why := why_not_valid(path, own)) is not None
    ]


def why_not_valid(path: Path, public_key: str | None = None) -> str | None:
    """Return why a certificate is not valid; None if it is.

    Args:
        path: The certificate.
        public_key: The key it must be signed with; by default the one in it.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        signature = bytes.fromhex(document.pop("signature"))
        named = document["public_key"]
        if public_key is not None and named != public_key:
            return "is signed with another key than that of this CHURN_HOME"
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(named)).verify(
            signature, _signed(document)
        )
    except InvalidSignature:
        return "its signature does not fit what it says"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as problem:
        return f"cannot be read: {problem}"
    return None


def _signed(document: dict[str, Any]) -> bytes:
    """The bytes that are signed: JSON with sorted keys, without blanks."""
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()


def _key_file(home: Home) -> Path:
    return home.root / "signing.key"


def _key(home: Home) -> Ed25519PrivateKey:
    path = _key_file(home)
    if not path.exists():
        with replaced(path) as part:
            part.touch(_FOR_ITS_OWNER)
            part.write_bytes(
                Ed25519PrivateKey.generate().private_bytes(
                    Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
                )
            )
    try:
        key = load_pem_private_key(path.read_bytes(), None)
    except ValueError as problem:
        raise ChurnError(
            "The key that signs certificates cannot be read.",
            where=str(path),
            hint="Restore it from a backup.",
        ) from problem
    if not isinstance(key, Ed25519PrivateKey):
        raise ChurnError("The key that signs certificates is of another kind.", where=str(path))
    return key


def _public_key(home: Home) -> str | None:
    if not _key_file(home).exists():
        return None
    return _key(home).public_key().public_bytes(Encoding.Raw, PublicFormat.Raw).hex()
