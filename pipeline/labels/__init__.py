"""Frozen labels: `freeze` writes the labels of closed cohorts once, `registry` audits them."""
