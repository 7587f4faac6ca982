"""The viewer: what a marketer opens in the morning, over the published tables.

In the order of the flow: `serve` starts `main`, which names the pages in `screens/`; `context` is
what every page begins with, `published` reads tables as they are now, `client` asks the API.
`list_filters` chooses customers and `audience` saves the choice, `lookup` finds one, `marks` says
who must not be contacted, `alternatives` why an action was chosen. `tables`, `charts`,
`segment_charts`, `annotations`, `words` and `plain` draw; `files` are what people download.
"""
