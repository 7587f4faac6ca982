"""Publish.

In the order of the flow: `generation` writes the published database and names it the current one,
with the rows that are `kept` of domains that are not published anew; `customer_documents` writes
the look-ups beside it, `csv_copies` the CSV files for machines and `history` what stays of it;
`guards` compares what would be published with what is, and `record` remembers what they refused and
who accepted it. `without` publishes again without customers who were erased.
"""
