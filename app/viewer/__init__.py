"""The viewer: what a marketer opens in the morning, over the published tables.

In the order of the flow: `serve` starts Streamlit with `web_app`, which adds shell, addresses and
headers and runs `main` for every page; `pages` names the pages in `screens/`. `context` is what
every page begins with, with the `quality_badge`; `published` reads tables, `moves` and `due` find
who is new there, `last_night` what went wrong, `audience` filters customers, `client` asks the API,
`draft` makes plans with it. `tables`, `moved_table`, `charts` and `words` draw.
"""
