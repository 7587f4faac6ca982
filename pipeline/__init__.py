"""What turns raw files into a published generation.

In the order of the flow: `project` says what is there, `ingest` fills the lake, `warehouse` builds,
`labels` freeze, `runs` keep what was learned, `proofs` show that nothing leaks, `retention` plans,
`realtime` answers from raw rows, `publish` puts out a generation, `report`, `tableau`, `docs` and
`exploration` show it. `demo` makes raw files. `steps` calls them in order.

The names `connections`, `corrections`, `campaigns` and `operations` are reserved.
"""
