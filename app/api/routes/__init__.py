"""The routes, one file per group.

In the order of the document: `domains`, `customers`, `published_lists`, `plans`, `drafts`,
`campaigns`, `predictions`, `batch`, `crm`, `decisions`, `audiences`, `audit`, `health`.
"""
