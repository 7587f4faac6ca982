"""Environment variables that libraries read once, when they are loaded."""

import os

# A query allocates and frees a buffer of 2 to 32 KB for each column of each operator, and blocks of
# 256 KB for rows that are sorted, grouped or joined. By default DuckDB caches twenty buffers of a
# size per thread, no large blocks, and scans the cache for garbage every 64 KB. A query over one
# customer's rows then spends a quarter of its time returning and fetching buffers. With these
# settings a thread caches at most 215 MB. Without jemalloc in DuckDB they have no effect.
_DUCKDB_ALLOCATOR = (
    "lg_tcache_max:18,tcache_gc_incr_bytes:100000000,"
    "tcache_ncached_max:1024-14336:200|16384-32768:400|40960-262144:100"
)


def prepare_environment() -> None:
    """Set the variables of DuckDB's allocator and OpenMP; call this before importing either.

    Variables that are already set stay.
    """
    os.environ.setdefault("DUCKDB_JE_MALLOC_CONF", _DUCKDB_ALLOCATOR)
    # waiting threads must not occupy cores that others need
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
