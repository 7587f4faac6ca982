"""Drafts of plans, and whom a saved plan is for."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Create the table of drafts and widen that of saved plans."""
    op.create_table(
        "plan_drafts",
        sa.Column("draft_id", sa.String, primary_key=True),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("budget_cents", sa.BigInteger, nullable=False),
        sa.Column("holdout_per_mille", sa.Integer),
        sa.Column("choice", sa.String, nullable=False),
        sa.Column("figures", sa.String, nullable=False),
        sa.Column("generation", sa.String, nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("approved_by", sa.String),
        sa.Column("approved_at", sa.DateTime),
        sa.UniqueConstraint("domain", "name"),
    )
    for name, kind in (
        ("bands", sa.String),
        ("themes", sa.String),
        ("min_probability", sa.Float),
        ("max_probability", sa.Float),
        ("min_value", sa.Float),
        ("due_from", sa.Date),
        ("due_to", sa.Date),
        ("is_at_risk", sa.Boolean),
        ("already_cancelled", sa.Boolean),
        ("actions", sa.String),
        ("channels", sa.String),
        ("draft_id", sa.String),
    ):
        op.add_column("plans", sa.Column(name, kind))
