"""The retention plan and the decisions it depends on.

In the order of the flow: `catalogue` checks the actions, `decisions` stores suppressions, contacts
and saved plans, `imports` reads them from files, `assignments` keeps the arms that plans drew,
`counts` says how much there is of all of it, `fingerprint` hashes a plan's inputs, `plan` computes
a plan with the compiled SQL of the build.
"""
