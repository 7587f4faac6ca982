"""Alerts of nights, and which target was told of each."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "alerts",
        sa.Column("alert_id", sa.String, primary_key=True),
        sa.Column("since", sa.DateTime, primary_key=True),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("words", sa.String, nullable=False),
        sa.Column("page", sa.String, nullable=False),
        sa.Column("command", sa.String, nullable=False),
        sa.Column("measured", sa.Float),
        sa.Column("ended_at", sa.DateTime),
    )
    op.create_table(
        "alert_messages",
        sa.Column("message_id", sa.String, primary_key=True),
        sa.Column("alert_id", sa.String, nullable=False),
        sa.Column("since", sa.DateTime, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("recipient", sa.String, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("sent_at", sa.DateTime),
        sa.Column("problem", sa.String),
    )
