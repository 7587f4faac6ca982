"""Reads the published generation for the API.

In the order of the flow: `generation` is the open database with today's decisions laid over,
`row_models` and `answers` define the shapes of answers, `customer_filter` and
`lists` filter and page rows, `raw_rows` describes the rows in prediction requests.
"""
