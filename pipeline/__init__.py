"""The command line, ingest, warehouse and publish: what runs the steps in order."""

import os

# DuckDB's allocator reads this once, as its library is loaded, so it stands before every import of
# it. A query makes and frees a buffer of 16 or 32 KB for each column of each operator; with the
# defaults only twenty of a size wait in the thread's cache, and every 64 KB the cache is looked
# through for what may go. A query over one customer's rows spends a fifth of its time on returning
# buffers and fetching them again. No more than 130 MB a thread can wait there. Where DuckDB is
# built without jemalloc, nobody reads it.
os.environ.setdefault(
    "DUCKDB_JE_MALLOC_CONF",
    "lg_tcache_max:16,tcache_nslots_large:400,tcache_gc_incr_bytes:100000000",
)
