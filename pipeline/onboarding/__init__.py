"""Onboarding: profiles a folder of raw files and makes a domain of a kind from them.

In the order of the flow: `files` groups the files into tables, `columns` says what a column holds,
as ingest would read it, `roles` which column is what, `shapes` what a kind wants to know,
`orders` reads the orders and measures them. `definitions` compares horizons and lookbacks and
recommends one, `lapses` the days after the end of a membership; `preview` does so on the lake.
`mapping` fills the templates of a kind, `domain` does all of it and writes. `show` prints.
"""
