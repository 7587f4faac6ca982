"""Sums over the content of the tables; their triggers are made by what opens the state."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Create the table."""
    op.create_table(
        "content_sums",
        sa.Column("table_name", sa.String, primary_key=True),
        sa.Column("total", sa.BigInteger, nullable=False),
    )
