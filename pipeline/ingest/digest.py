"""Computes a file's content hash and, in the same pass, its number of lines."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

_BLOCK = 1 << 26
_CHUNK = 1 << 21


@dataclass(frozen=True)
class Digest:
    """A file's content.

    Attributes:
        sha256: SHA-256 of the SHA-256 of each 64 MiB block, so that blocks hash side by side.
        lines: Lines, the last one with or without a line feed at its end;
            None if the hash was known and the file was not read.
    """

    sha256: str
    lines: int | None


def digest(path: Path) -> Digest:
    """Hash a file and count its lines, reading it once."""
    size = path.stat().st_size
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = list(pool.map(lambda start: _block(path, start), range(0, size, _BLOCK)))
    whole = hashlib.sha256(b"".join(block for block, _, _ in blocks))
    unfinished = bool(blocks) and blocks[-1][2] != b"\n"
    return Digest(whole.hexdigest(), sum(lines for _, lines, _ in blocks) + unfinished)


def _block(path: Path, start: int) -> tuple[bytes, int, bytes]:
    block, lines, last, left = hashlib.sha256(), 0, b"", _BLOCK
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(min(_CHUNK, left)):
            block.update(chunk)
            lines += int(np.count_nonzero(np.frombuffer(chunk, np.uint8) == ord("\n")))
            last, left = chunk[-1:], left - len(chunk)
    return block.digest(), lines, last
