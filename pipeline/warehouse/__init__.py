"""The private warehouse: built by dbt, checked, and read back as compiled SQL.

In the order of the flow: `fingerprint` says whether anything changed, `dbt` builds, `compiled_sql`
keeps what dbt compiled, `static_checks` reads it for leaks, `control` fills what that SQL is given
(cut-offs, knowledge, coverage) where it runs elsewhere, `sample` builds a part to look at.
"""
