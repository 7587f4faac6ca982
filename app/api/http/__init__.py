"""HTTP concerns, independent of the content.

In the order of a request: `bodies` and `forms` read it, `problems` reports what is wrong with it,
`downloads` sends files, `telemetry` logs and counts it. `docs_page`, `version` and `memory` concern
the whole process.
"""
