"""Publish: `generation` writes the file that readers open, `customer_documents` the look-ups."""
