"""Publish.

In the order of the flow: `generation` writes the published database and flips the link,
`customer_documents` writes the look-ups beside it.
"""
