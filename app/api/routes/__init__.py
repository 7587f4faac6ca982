"""The routes, one file per group.

In the order of the document: `domains`, `customers`, `published_lists`, `plans`, `drafts`,
`campaigns`, `playbooks`, `predictions`, `batch`, `crm`, `decisions`, `audiences`, `audit`,
`health`.
"""
