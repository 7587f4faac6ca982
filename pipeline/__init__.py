"""The command line, ingest, warehouse and publish: what runs the steps in order."""
