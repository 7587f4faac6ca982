"""Campaigns: a plan becomes messages, and the messages reach the CRM.

In the order of the flow: `tables` are what the state keeps of campaigns, `period_use` says what the
period has left, `members` chooses whom a campaign is for, with their arms and actions, `forecast`
says what they are expected to cost and to bring, `messages` writes what is sent, `life_cycle`
drafts, previews, launches, pauses and finishes. `playbooks` keep settings to draft campaigns from,
with the save rate that they achieved. `endpoints` are the receivers, `signing` their secrets,
`addresses` lets nothing but public ones through, `schedule` says when a message is tried again,
`outbox` leases messages and keeps how each attempt ended, `send` makes one attempt, `hand_over`
writes files, `dispatch` does all of it; `exports` writes it as Parquet, for dbt to measure;
`evidence` names the contacts that change what is learned.
"""
