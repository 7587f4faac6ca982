"""Judges corrections of the raw rows: hypotheses, off until one has proven its gain.

In the order of the flow: `catalogue` reads the hypotheses from the models' YAML, `variants` builds
the features with other corrections, `placebo` changes as many random rows likewise, `judge` learns
both recipes and gives the verdict, `ledger` keeps it, `entry` adopts and drops.
"""
