"""The project's configuration and shared helpers.

In the order of the flow: `home` knows all paths, `domains` reads a domain's `domain_settings`, its
`alert_settings` and `connection_settings` included, `databases` resolves addresses, `domain_names`
says what it may be called, `checked` names the mistakes in them, `sources` reads its raw files,
`corrections` says where what corrects them lies, `origin` tells those of the demo, `serving_tables`
the published tables' YAML, `codes` the words of codes; `scaffold` creates a new domain, `state`
opens the database of people's decisions and upgrades it by its `migrations`, `state_sums` finds it
damaged, `state_export` writes its tables for dbt; `forgotten` lists who was erased; `sums` keeps
content hashes and `stores` says of what; `generations` names the published one and `look_ups` reads
its documents. `memory` says how much there is, and `duck` opens sessions within it. `errors`,
`failures`, `exit_codes`, `clock`, `files`, `terminal` and `environment` serve all.
"""
