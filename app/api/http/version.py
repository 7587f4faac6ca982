"""The version of the code, part of every ETag, so that an upgrade invalidates cached answers."""

import hashlib
from importlib.metadata import version
from pathlib import Path

VERSION = version("churn-platform")


def _code_version() -> str:
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:8]


CODE_VERSION = _code_version()
