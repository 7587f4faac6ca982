"""Memory settings of a serving process: garbage collection and glibc's thread caches."""

import gc
import os
import platform
import sys

_TUNABLES, _WAITING = "GLIBC_TUNABLES", "glibc.malloc.tcache_count"


def settle() -> None:
    """Collect garbage and freeze the remaining objects.

    Libraries, models and prepared statements are half a million objects; scanning them again and
    again would pause requests.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()


def keep_small_blocks() -> None:
    """Restart this process once, with a larger malloc cache per thread.

    A query allocates and frees thousands of small blocks; glibc caches seven of each size, and
    handling the rest takes a fifth of a real-time prediction. glibc reads the setting before
    Python starts, so the process replaces itself; its id, arguments and open files stay. A thread
    caches at most 66 MB (64 sizes up to 1 KB). A setting of the operator stays, and with another
    C library nothing happens.
    """
    given = os.environ.get(_TUNABLES, "")
    if platform.libc_ver()[0] != "glibc" or _WAITING in given:
        return
    os.environ[_TUNABLES] = ":".join(filter(None, [given, f"{_WAITING}=2000"]))
    sys.stdout.flush()
    sys.stderr.flush()
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 - ourselves
