"""The tables from before there were steps.

Each was made at its first use, so a state that is older than steps may have any of them.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the tables that are missing."""
    op.create_table(
        "suppressions",
        sa.Column("domain", sa.String, primary_key=True),
        sa.Column("customer_id", sa.String, primary_key=True),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("added_at", sa.DateTime, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "contacts",
        sa.Column("domain", sa.String, primary_key=True),
        sa.Column("customer_id", sa.String, primary_key=True),
        sa.Column("contacted_on", sa.Date, primary_key=True),
        sa.Column("action_id", sa.String, primary_key=True),
        if_not_exists=True,
    )
    op.create_table(
        "plans",
        sa.Column("domain", sa.String, primary_key=True),
        sa.Column("budget_cents", sa.BigInteger, nullable=False),
        sa.Column("holdout_per_mille", sa.Integer),
        if_not_exists=True,
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("hash", sa.String, nullable=False),
        sa.Column("scopes", sa.String, nullable=False),
        sa.Column("domains", sa.String, nullable=False),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("expires_at", sa.DateTime),
        sa.Column("revoked_at", sa.DateTime),
        if_not_exists=True,
    )
    op.create_table(
        "api_answers",
        sa.Column("key_id", sa.String, primary_key=True),
        sa.Column("idempotency_key", sa.String, primary_key=True),
        sa.Column("request_hash", sa.String, nullable=False),
        sa.Column("effect_id", sa.String, nullable=False),
        sa.Column("claimed_at", sa.DateTime, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("body", sa.LargeBinary),
        if_not_exists=True,
    )
    op.create_table(
        "api_audiences",
        sa.Column("domain", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("filter", sa.String, nullable=False),
        sa.Column("saved_at", sa.DateTime, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "batch_jobs",
        sa.Column("job_id", sa.String, primary_key=True),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("source", sa.String, nullable=False),
        sa.Column("as_of_date", sa.Date),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("stage", sa.String, nullable=False),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("generation", sa.String),
        sa.Column("model_version", sa.String),
        sa.Column("result", sa.String),
        sa.Column("error", sa.String),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("worker", sa.String),
        sa.Column("lease_until", sa.DateTime),
        sa.Column("created_at", sa.DateTime, nullable=False),
        sa.Column("finished_at", sa.DateTime),
        if_not_exists=True,
    )
