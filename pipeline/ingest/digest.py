"""Computes a file's content hash and, in the same pass, counts its line ends."""

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

_BLOCK = 1 << 26
_CHUNK = 1 << 21


@dataclass(frozen=True)
class Digest:
    """A file's content.

    Attributes:
        sha256: SHA-256 of the SHA-256 of each 64 MiB block, so that blocks hash side by side.
        lines: Lines, the last one with or without a line feed at its end;
            None if the hash was known and the file was not read.
        line_feeds: Line feeds.
        returns: Carriage returns.
    """

    sha256: str
    lines: int | None
    line_feeds: int = 0
    returns: int = 0

    @property
    def has_one_line_end(self) -> bool:
        """Whether every line can end in the same way: all with a carriage return or none."""
        return self.returns in (0, self.line_feeds)


@dataclass(frozen=True)
class _Block:
    sha256: bytes
    line_feeds: int
    returns: int
    last: bytes


def digest(path: Path) -> Digest:
    """Hash a file and count its lines, reading it once."""
    size = path.stat().st_size
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        blocks = list(pool.map(lambda start: _block(path, start), range(0, size, _BLOCK)))
    whole = hashlib.sha256(b"".join(block.sha256 for block in blocks))
    line_feeds = sum(block.line_feeds for block in blocks)
    unfinished = bool(blocks) and blocks[-1].last != b"\n"
    returns = sum(block.returns for block in blocks)
    return Digest(whole.hexdigest(), line_feeds + unfinished, line_feeds, returns)


def _block(path: Path, start: int) -> _Block:
    sha256, line_feeds, returns, last, left = hashlib.sha256(), 0, 0, b"", _BLOCK
    with path.open("rb") as file:
        file.seek(start)
        while chunk := file.read(min(_CHUNK, left)):
            sha256.update(chunk)
            data = np.frombuffer(chunk, np.uint8)
            line_feeds += _count(data, "\n")
            # most files have none, and to find that out costs nothing
            returns += _count(data, "\r") if b"\r" in chunk else 0
            last, left = chunk[-1:], left - len(chunk)
    return _Block(sha256.digest(), line_feeds, returns, last)


def _count(data: npt.NDArray[np.uint8], character: str) -> int:
    return int(np.count_nonzero(data == ord(character)))
