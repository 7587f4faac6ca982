"""What is done about churn.

In the order of the flow: `catalogue` checks the actions, `decisions` keeps suppressions, contacts
and saved plans, `imports` reads them from files, `fingerprint` says what a plan was made from,
`plan` computes one by the SQL that the build compiled.
"""
