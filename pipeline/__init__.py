"""The command line, ingest, warehouse and publish: what runs the steps in order."""

import os

# DuckDB's allocator reads this once, as its library is loaded, so it stands before every import of
# it. A query makes and frees a buffer of 2 to 32 KB for each column of each operator, and blocks of
# 256 KB for rows that are sorted, grouped or joined; with the defaults twenty of a size wait in the
# thread's cache, the larger ones not at all, and every 64 KB the cache is looked through for what
# may go. A query over one customer's rows spends a quarter of its time on returning buffers and
# fetching them again. No more than 215 MB a thread can wait there, of sizes it has used. Where
# DuckDB is built without jemalloc, nobody reads it.
os.environ.setdefault(
    "DUCKDB_JE_MALLOC_CONF",
    "lg_tcache_max:18,tcache_gc_incr_bytes:100000000,"
    "tcache_ncached_max:1024-14336:200|16384-32768:400|40960-262144:100",
)
