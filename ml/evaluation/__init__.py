"""How good a recipe is, on cohorts it did not see.

In the order of the flow: `splits` holds the metrics of one run, `rolling` judges past cohorts as a
run would have, `lead` asks earlier, `protocol` repeats others' splits, `drift` compares what is
scored with what was learned from.
"""
