"""Training runs: what a command works on, which run is live, and how good its recipe is.

In the order of the flow: `context` is what a command works on, `presets` finds settings that short
data can carry, `registry` knows the runs and which is live, `tune` searches parameters, `evaluate`
judges the recipe over many cohorts, `lead_time` shows cohorts early, `datasets` freezes what a
training read.
"""
