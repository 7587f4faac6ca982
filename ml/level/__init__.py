"""Forecasts the level of a cohort, its mean risk, where no contract says when a customer is due.

In the order of the flow: `orders` are the order days as known at a cut-off, `bg_nbd` says how
likely each customer is silent in a year without seasons, `windows` compares that with the windows
that have ended, `season` forecasts how far the coming windows differ, `forecast` makes a level of
it where a year of windows was seen, and an offset of log-odds; `read` reads all of that from the
warehouse.
"""
