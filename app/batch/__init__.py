"""Batch predictions: jobs in a lease table, worked on by a process of their own.

`jobs` keeps them, `uploads` takes and checks files, `work` does one job, `worker` is the process,
`supervisor` starts it where there is something to do, `sweep` deletes what is kept no longer.
"""
