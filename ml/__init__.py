"""Training, scoring and explaining, from the mart to tables; no feature logic.

In the order of the flow: `settings` are those that learning reads, `contract` reads the mart,
`contacted` leaves out whom a contact may have changed, `contact_spans` knows it of any days,
`cohorts` chooses the cohorts of each fit, `stayers` draws some of those who stay where memory is
short, `mart` reads the inputs of a run, `leakage_checks` stops a run that leaks, `baselines` fits
simple models, `train` fits LightGBM, `calibrate` and `bands` turn log-odds into probabilities and
bands,
`learn` is the whole procedure, `run` calls it, `record` writes the results and the `recipe` in the
shape of `artifacts`. `champion` makes the `decision` which run is live, after `takeover` has
compared both on the customers scored next; `score` scores with it, `tune` searches parameters.
`metrics`, `compare` and `forest` serve all of them; `level` forecasts the mean risk of a cohort,
`challengers` are models from outside, `policy` learns from trials whom to treat, and `evaluation`
and `explain` are packages of their own.
"""

import os

# How long a thread of LightGBM that waits for another spins before it sleeps. With libgomp's own
# count it spins on, and where other work runs it takes the core from the thread it waits for.
os.environ.setdefault("GOMP_SPINCOUNT", "10000")
