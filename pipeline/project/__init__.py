"""The project's configuration and shared helpers.

In the order of the flow: `home` knows all paths, `domains` and `sources` read a domain's settings
and raw files, `serving_tables` reads the published tables' YAML, `scaffold` creates a new domain,
`state` opens the database of people's decisions. `errors`, `duck`, `files` and `environment` serve
all.
"""
