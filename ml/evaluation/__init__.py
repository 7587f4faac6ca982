"""Evaluates a recipe on cohorts it did not see.

In the order of the flow: `splits` computes the metrics of one run, `rolling` tests past cohorts as
a run would have, `corrections` compares features with a correction and without, `lead` predicts
earlier, `protocol` repeats published splits, `drift` compares
scored customers with the training cohort.
"""
