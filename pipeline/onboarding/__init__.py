"""Onboarding: profiles raw files, or tables of a database, and makes a domain of a kind from them.

In the order of the flow: `files` groups the files into tables, `columns` says what a column holds,
as ingest would read it, `roles` which column is what, `shapes` and `subscription_shapes` what a
kind wants to know, `recognise` finds the table that has it, `orders` and `periods` read the rows
and measure them. `definitions` compares horizons and lookbacks and recommends one, `lapses` the
days after the end of a membership; `preview` does so on the lake. `filling` fills the templates of
a kind, `mapping` those of orders, `period_mapping` those of a subscription, `domain` does all of it
and writes, `connect` does it from a database. `show` prints.
"""
