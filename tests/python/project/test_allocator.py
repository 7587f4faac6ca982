"""What DuckDB's allocator and the C library are told before they are loaded."""

import os
import platform
import subprocess
import sys

import pytest

_ASK = """
from pipeline.project.environment import prepare_environment
prepare_environment()
import ctypes, sys, _duckdb
library = ctypes.CDLL(_duckdb.__file__)
if hasattr(library, "duckdb_je_mallctl"):
    found, size = ctypes.c_size_t(), ctypes.c_size_t(ctypes.sizeof(ctypes.c_size_t))
    name, *asked = sys.argv[1:]
    sent = ctypes.c_size_t(int(asked[0])) if asked else None
    failed = library.duckdb_je_mallctl(
        name.encode(),
        ctypes.byref(found),
        ctypes.byref(size),
        sent and ctypes.byref(sent),
        ctypes.c_size_t(ctypes.sizeof(sent) if sent else 0),
    )
    print("unknown" if failed else found.value)
"""
_SWEPT_EVERY = "opt.tcache_gc_incr_bytes"
_WAITING = "thread.tcache.ncached_max.read_sizeclass"


def _asked(environment, *words):
    done = subprocess.run(
        [sys.executable, "-c", _ASK, *words],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert not done.stderr  # where it says that it does not know a setting
    # nothing where DuckDB is built without jemalloc
    return done.stdout.strip() or None


@pytest.mark.parametrize(("size", "most"), [(2048, 200), (8192, 200), (32768, 400), (262144, 100)])
def test_buffers_wait_in_the_threads_cache(size, most):
    environment = dict(os.environ)
    environment.pop("DUCKDB_JE_MALLOC_CONF", None)
    assert _asked(environment, _WAITING, str(size)) in (None, str(most))
    assert _asked(environment, _SWEPT_EVERY) in (None, "100000000")


def test_what_the_operator_sets_stays():
    set_by_hand = os.environ | {"DUCKDB_JE_MALLOC_CONF": "tcache_nslots_large:30"}
    assert _asked(set_by_hand, _WAITING, "32768") in (None, "30")
    assert _asked(set_by_hand, _SWEPT_EVERY) in (None, "65536")


_START = """
import os, sys
from app.api.http.memory import keep_small_blocks
print(os.getpid(), *sys.argv[1:])
keep_small_blocks()
print(os.environ.get("GLIBC_TUNABLES"))
"""


def _started(environment):
    done = subprocess.run(
        [sys.executable, "-c", _START, "a b", "--c"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    *starts, tunables = done.stdout.splitlines()
    return starts, tunables


needs_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")


@needs_glibc
def test_a_server_starts_again_once_with_a_cache_for_small_blocks():
    environment = {k: v for k, v in os.environ.items() if k != "GLIBC_TUNABLES"}
    (first, second), tunables = _started(environment)
    assert first == second  # the same process id and the same arguments
    assert tunables == "glibc.malloc.tcache_count=2000"


@needs_glibc
def test_what_the_operator_tells_the_c_library_stays():
    starts, tunables = _started(os.environ | {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=9"})
    assert (len(starts), tunables) == (1, "glibc.malloc.tcache_count=9")
    starts, tunables = _started(os.environ | {"GLIBC_TUNABLES": "glibc.malloc.check=0"})
    assert len(starts) == 2
    assert tunables == "glibc.malloc.check=0:glibc.malloc.tcache_count=2000"
