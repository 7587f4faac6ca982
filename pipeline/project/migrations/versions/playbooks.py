"""Playbooks: settings of campaigns under a name, and the campaigns that used them."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "playbooks",
        sa.Column("playbook_id", sa.String, primary_key=True),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("budget_cents", sa.BigInteger, nullable=False),
        sa.Column("holdout_per_mille", sa.Integer),
        sa.Column("explore_per_mille", sa.Integer, nullable=False),
        sa.Column("choice", sa.String, nullable=False),
        sa.Column("audience", sa.String),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.UniqueConstraint("domain", "name"),
    )
    op.create_table(
        "playbook_campaigns",
        sa.Column("playbook_id", sa.String, primary_key=True),
        sa.Column("campaign_id", sa.String, primary_key=True),
    )
