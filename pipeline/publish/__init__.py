"""Publish: `generation` writes the published database, `customer_documents` the look-ups."""
