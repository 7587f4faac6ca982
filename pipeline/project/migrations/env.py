"""Runs the steps on the connection that it is given, in its transaction; Alembic loads this."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
