"""Alerts: what a night found and somebody should know, told once, and once when it is over.

In the order of the flow: `trouble` is what can be wrong and where it is shown, `rules` judge small
tables of figures, `gather` reads the figures and judges the night, `book` keeps which alerts are
open, `settings` says who wants to know, `wording` writes messages, `sending` brings them there, and
`tell` does all of it at the end of a night.
"""
