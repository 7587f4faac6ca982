"""Proof that nothing leaks.

In the order of the flow: `time_travel` rebuilds features on an altered lake and compares them,
`prove` runs all comparisons and keeps what they found.
"""
