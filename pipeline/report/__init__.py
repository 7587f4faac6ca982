"""The tables and sentences that the terminal and the info sheet show.

In the order of the flow: `notices` of days that are missing or late, `labels`, `datasets`, `proof`,
`evaluation`, `contacted` customers, `run`, `plan`, `campaign`, `customer`, `experiments`,
`corrections`, `info_sheet`, the page that goes with every run, `sync` of what is published with a
database, and `verified` stores.
"""
