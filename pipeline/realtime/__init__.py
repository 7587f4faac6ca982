"""Real time: scores, reasons and an action from raw rows, by the SQL that built the mart.

In the order of the flow: `bundle` stores what real time needs with each generation, `model` opens
the live run, `rows` checks and types the rows of a request, `controls` sets what is known at a
cut-off, `leaving_costs` what is at stake, `answer` scores, explains and recommends, `contact_rules`
reads who must not be contacted and `published_plan` what the plan decided, `engine` does all of it
for a request, `cohort` for a lake; `errors` are theirs. Nothing here depends on HTTP.
"""
