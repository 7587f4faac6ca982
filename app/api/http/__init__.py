"""HTTP concerns, independent of the content.

In the order of a request: `connections` waits for it, `bodies` and `forms` read it, `problems`
reports what is wrong with it, `downloads` sends files, `conditional` leaves out what a caller has,
`telemetry` logs and counts it. `docs_page`, `version` and `memory` concern the whole process.
"""
