"""The HTTP API over the published generation.

In the order of a request: `serve` runs what `factory` puts together from `settings` and `services`;
`access` admits it, `dependencies` finds the generation and domain, `routes` answer from `published`
in the forms of `http`. `openapi` is the document, `night_metrics` tells monitoring of the last
night.
"""
