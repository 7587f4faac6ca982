"""The services on a published generation: HTTP API, batch jobs and viewer."""
