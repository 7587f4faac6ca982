"""What libraries read from the environment once, as they are loaded."""

import os

# A query makes and frees a buffer of 2 to 32 KB for each column of each operator, and blocks of
# 256 KB for rows that are sorted, grouped or joined; with DuckDB's defaults twenty of a size wait
# in the thread's cache, the larger ones not at all, and every 64 KB the cache is looked through for
# what may go. A query over one customer's rows spends a quarter of its time on returning buffers
# and fetching them again. At most 215 MB a thread can wait there, of sizes it has used. Where
# DuckDB is built without jemalloc, nothing reads it.
_DUCKDB_ALLOCATOR = (
    "lg_tcache_max:18,tcache_gc_incr_bytes:100000000,"
    "tcache_ncached_max:1024-14336:200|16384-32768:400|40960-262144:100"
)


def prepare_environment() -> None:
    """Set what DuckDB's allocator and OpenMP read; call it before either is imported.

    What an operator has set stays.
    """
    os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", _DUCKDB_ALLOCATOR)
    # threads that wait for each other must not burn the cores that others need
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
