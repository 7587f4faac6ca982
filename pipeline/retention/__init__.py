"""The retention plan and the decisions it depends on.

In the order of the flow: `catalogue` checks the actions, `plan_choice` is whom a plan is for,
`audit` keeps who decided what, `decisions` stores suppressions, contacts and saved plans,
`listed_ids` and `contact_days` say what the ids and days of a list are, `imports` reads lists from
files, `overlay` lays the suppressions of today over what is published, `exports` writes both for
dbt, `assignments` keeps the arms that plans drew, `counts` says how much there is of all of it,
`fingerprint` hashes a plan's inputs, `plan` computes a plan with the compiled SQL of the build,
`drafts` saves one and has it approved.
"""
