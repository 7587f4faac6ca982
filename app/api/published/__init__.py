"""What is published, as the API gives it out.

In the order of the flow: `generation` is the open database, `row_models` and `answers` are the
shapes of what comes out, `customer_filter` and `lists` choose and page rows, `raw_rows` describes
the rows that a prediction takes in.
"""
