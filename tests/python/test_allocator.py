"""What DuckDB's allocator is told before it is loaded."""

import os
import subprocess
import sys

_ASK = """
import pipeline, ctypes, _duckdb
library = ctypes.CDLL(_duckdb.__file__)
if hasattr(library, "duckdb_je_mallctl"):
    value, size = ctypes.c_uint(), ctypes.c_size_t(4)
    name = b"opt.tcache_nslots_large"
    library.duckdb_je_mallctl(name, ctypes.byref(value), ctypes.byref(size), None, None)
    print(value.value)
"""


def _asked(environment):
    done = subprocess.run(
        [sys.executable, "-c", _ASK], env=environment, capture_output=True, text=True, check=True
    )
    # nothing where DuckDB is built without jemalloc
    return done.stdout.strip() or None


def test_column_buffers_wait_in_the_threads_cache():
    environment = dict(os.environ)
    environment.pop("DUCKDB_JE_MALLOC_CONF", None)
    assert _asked(environment) in (None, "400")


def test_what_the_operator_sets_stays():
    set_by_hand = os.environ | {"DUCKDB_JE_MALLOC_CONF": "tcache_nslots_large:30"}
    assert _asked(set_by_hand) in (None, "30")
