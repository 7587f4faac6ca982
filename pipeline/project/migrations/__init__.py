"""The steps from any earlier state.sqlite to today's, for Alembic.

`env` runs them in the transaction of `pipeline.project.state`; each file of `versions` is one step.
"""
