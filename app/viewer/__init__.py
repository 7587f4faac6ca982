"""The viewer: what a marketer opens in the morning, over the published tables.

In the order of the flow: `serve` starts Streamlit with `web_app`, which adds shell, addresses and
headers and runs `main` for every page; `sign_in` asks who it is; `pages` names the pages in
`screens/`. `context` is what every page begins with, with the `quality_badge` of a
`quality_figure`; `published` reads tables as they are now, `moves` and `due` find who is new there
by the rules of `moved`, `last_night` what went wrong, `client` asks the API. `list_filters` chooses
customers and `audience` saves the choice, `lookup` finds one, `marks` says who must not be
contacted, `alternatives` why an action was chosen, `draft` makes plans, `campaign_result` says what
campaigns changed and `playbooks` keep their settings. `tables`, `moved_table`, `charts`,
`segment_charts`, `annotations`, `words` and `plain` draw; `files` are what people download.
"""
