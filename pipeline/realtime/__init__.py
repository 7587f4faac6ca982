"""Real time: scores, reasons and an action from raw rows, by the SQL that made the mart.

In the order of the flow: `bundle` keeps with each generation what answering needs, `model` opens
the live run, `rows` types and checks what was sent, `controls` says what is known at a cut-off,
`answer` scores, explains and recommends, `engine` does all of it for a request, `cohort` for a
lake. Nothing here knows of HTTP.
"""
