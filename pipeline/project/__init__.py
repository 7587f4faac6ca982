"""What the project says of itself, before anything runs.

In the order of the flow: `home` says where things are, `domains` and `sources` read what a domain
and its raw files are, `serving_tables` reads what is published, `scaffold` starts a new domain,
`state` opens the database of what people decided. `errors` and `sql` are words and quotes for all.
"""
