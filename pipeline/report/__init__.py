"""The tables and sentences that the terminal and the info sheet show.

In the order of the flow: `notices` of days that are missing or late, `labels`, `datasets`, `proof`,
`evaluation`, `contacted` customers, `run`, `plan`, `campaign`, `customer`, `experiments`,
`corrections`, `info_sheet`, the page that goes with every run, `pull` from a database and `sync` of
what is published with one, `verified` stores and what was `pruned`.
"""
