"""Batch predictions: jobs in a lease table, run by a separate worker process.

In the order of the flow: `jobs` stores them, `uploads` checks files, `work` runs one job, `worker`
is the process, `supervisor` starts it when there are jobs, `sweep` deletes expired jobs and files.
"""
