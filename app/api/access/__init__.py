"""Access control.

In the order of a request: `gate` admits it if `keys` verifies its key; `store` opens the tables.
"""
