"""The services on a published generation.

In the order of the flow: `api` answers over HTTP, `batch` scores files for it, `viewer` shows the
tables to people, `digest` mails them. `people` says who may use it. `customer_conditions`,
`audience_members`, `spreadsheets`, `headers` and `today`, which follows what people decide, are
what API and viewer share.
"""
