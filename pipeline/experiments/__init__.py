"""Measures experiments, tests the measurement on arms that do not differ, learns whom to treat.

In the order of the flow: `files` reads assignments, outcomes and features, `ratio` and `balance`
say whether the arms can be compared, `lift` is the SQL of differences and intervals, `measure` puts
them together, `shuffles` draws arms again and again among customers who were treated alike,
`untreated` finds such customers in past cohorts, `policies` learns whom to treat from files and
applies what was learned.
"""
