"""The memory of a process that serves: garbage, and blocks that wait to be used again."""

import gc
import os
import platform
import sys

_TUNABLES, _WAITING = "GLIBC_TUNABLES", "glibc.malloc.tcache_count"


def settle() -> None:
    """Collect garbage, and take what is left for what stays.

    Libraries, models and prepared statements are half a million objects; looking through them again
    and again pauses requests.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def keep_small_blocks() -> None:
    """Start this process again, once, with a cache that holds what one query frees.

    A query makes and frees thousands of small blocks; glibc keeps seven of a size at hand and sorts
    the others in and out, a fifth of the time that a real-time prediction takes. It reads how many
    before Python starts, so the process has to replace itself; its id, its arguments and its open
    files stay. At most 66 MB a thread can wait (64 sizes up to 1 KB). What an operator has set
    stays, and where the C library is another one, nothing happens.
    """
    given = os.environ.get(_TUNABLES, "")
    if platform.libc_ver()[0] != "glibc" or _WAITING in given:
        return
    os.environ[_TUNABLES] = ":".join(filter(None, [given, f"{_WAITING}=2000"]))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves
