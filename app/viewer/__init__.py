"""The viewer: what a marketer opens in the morning, over the published tables.

In the order of the flow: `serve` starts Streamlit with `web_app`, which adds shell, addresses and
headers and runs `main` for every page; `pages` names the pages in `screens/`. `context` is what
every page begins with, `published` reads tables, `audience` filters them, `client` asks the API.
`tables`, `charts` and `words` draw.
"""
