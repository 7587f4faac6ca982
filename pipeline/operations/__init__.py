"""What runs by itself every night, and what it tells.

In the order of the flow: `folders` knows where a domain's raw files come from, `reading` loads
them, `learning` says whether a night trains, `status` says how it ended.
"""
