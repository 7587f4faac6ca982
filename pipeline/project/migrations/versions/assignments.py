"""The arms that plans drew, and what was lifted."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "assignments",
        sa.Column("domain", sa.String, primary_key=True),
        sa.Column("period_start", sa.Date, primary_key=True),
        sa.Column("customer_id", sa.String, primary_key=True),
        sa.Column("arm", sa.String, nullable=False),
        sa.Column("action_id", sa.String),
        sa.Column("holdout_per_mille", sa.Integer, nullable=False),
        sa.Column("as_of_date", sa.Date, nullable=False),
        sa.Column("run_id", sa.String, nullable=False),
        sa.Column("generation", sa.String, nullable=False),
        sa.Column("planned_spend_cents", sa.BigInteger),
        sa.Column("planned_profit_cents", sa.BigInteger),
        sa.Column("assigned_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "lifted",
        sa.Column("domain", sa.String, primary_key=True),
        sa.Column("customer_id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, primary_key=True),
        sa.Column("at", sa.DateTime, primary_key=True),
        sa.Column("what", sa.String, primary_key=True),
    )
