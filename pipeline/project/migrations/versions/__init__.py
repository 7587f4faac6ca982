"""Steps of the state, each a revision that names the one before.

In their order: `baseline` are the tables from before there were steps; `assignments` adds the arms
that plans drew, and what was lifted; `authors` adds who marked a customer or saved an audience;
`plan_drafts` adds drafts of plans, and whom a saved plan is for; `audit` adds who decided what;
`plan_parts` adds the parts of segments that a saved plan is for; `campaigns` adds campaigns with
their members, messages and receivers; `alerts` adds what nights tell of, and whom they told;
`playbooks` adds settings of campaigns under a name; `content_sums` adds a sum of what each table
holds.
"""
