"""The private warehouse: built by dbt, checked, and read back as compiled SQL.

In the order of the flow: `fingerprint` detects changes, `dbt` builds, `blame` finds the domain
whose fault a failed build is, `compiled_sql` stores what dbt compiled, `static_checks` checks it
for leaks, `control` fills the control relations (cut-offs, knowledge, coverage) where that SQL runs
elsewhere, `lineage` tells what was made from what, `kept_features` keeps the features of a cut-off
once they are made, `row_comparison` tells two makings of the same rows apart, `sample` builds on a
sample of customers.
"""
