"""Training runs: the context of a command, the live run, and the quality of its recipe.

In the order of the flow: `nights` records each run, `context` is what a command works on, `rebuild`
replaces a damaged warehouse, `presets` finds settings that fit short data, `registry` knows all
runs and the live one, `tune` searches parameters, `evaluate` tests the recipe on many cohorts,
`lead_time` rebuilds cohorts at earlier dates, `datasets` freezes training data.
"""
