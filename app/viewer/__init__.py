"""The viewer: what a marketer opens in the morning, over the published tables.

In the order of the flow: `serve` starts `main`, which names the pages in `screens/`; `context` is
what every page begins with, `published` reads tables, `audience` filters them, `client` asks the
API, `draft` makes plans with it. `tables`, `charts` and `words` draw.
"""
