"""Learning, scoring and explaining, from the mart to tables; no feature logic.

In the order of the flow: `contract` reads the mart, `cohorts` chooses what each fit may know,
`mart` reads what a run needs, `leakage_checks` stop a run that knows too much, `baselines` stand
beside, `train` fits, `calibrate` and `bands` turn margins into probabilities and bands, `learn` is
the procedure, `run` calls it and `record` keeps what came out in the shape of `artifacts`.
`champion` takes the `decision` which run is live, `score` scores with it, `tune` searches
parameters. `metrics` and `forest` serve all of them; `evaluation` and `explain` are rooms of their
own.
"""
