"""HTTP itself, whatever is served.

In the order of a request: `bodies` and `forms` read it, `problems` says what is wrong with it,
`downloads` writes files, `telemetry` logs and counts it. `docs_page`, `version` and `memory` belong
to the process.
"""
