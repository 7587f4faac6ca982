"""Turns raw files into a published generation.

In the order of the flow: `project` reads the configuration, `ingest` fills the lake, with what
`connections` pull from databases, `warehouse` builds, `labels` freezes, `runs` keeps training runs,
`proofs` shows that nothing leaks, `retention` plans, `experiments` measures what contacts change,
`realtime` scores raw rows, `publish` writes a generation, `destinations` brings it to other
databases, `campaigns` brings messages to the CRM, `report`, `tableau`, `docs` and `exploration`
present it. `alerts` tell people what a night found. `corrections` judges corrections of the raw
rows. `onboarding` makes a domain from raw files, `demo` generates some. `engines` are others than
DuckDB, for what grows with the data. `steps` calls them in order, `operations` every night.
"""
