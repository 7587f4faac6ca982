"""Frozen labels.

In the order of the flow: `freeze` writes the labels of closed cohorts once, `registry` audits them.
"""
