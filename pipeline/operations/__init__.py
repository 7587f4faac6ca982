"""What runs by itself every night, and what it tells.

In the order of the flow: `pulling` brings a domain's rows from its database, `folders` knows where
raw files come from, `reading` loads them, `missed` says which nights did not happen, `learning`
whether a night trains, `status` how it ended. `verify` compares what is stored with what was
written, `backup` copies it and `restore` puts a copy back. `data_map` says what each file is,
`rewriting` takes customers out of one, `erase` out of all, `certificate` signs what was searched,
and `tombstones` tell the CRM. `prune` deletes what no build reads any more. `doctor` looks at a
home and its machine.
"""
