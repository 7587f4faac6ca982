"""Campaigns with their members, the messages that they send, and who receives them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_FORWARD_ONLY = """
create trigger outbox_goes_forward before update of state on outbox
when old.state <> 'pending' and new.state <> old.state
begin select raise(abort, 'a message that came to an end stays at it'); end
"""
_FROZEN = """
create trigger campaign_members_are_frozen before update on campaign_members
begin select raise(abort, 'members of a campaign do not change'); end
"""


def upgrade() -> None:
    """Create the tables, and what holds their rows as they are."""
    op.create_table(
        "campaigns",
        sa.Column("campaign_id", sa.String, primary_key=True),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("budget_cents", sa.BigInteger, nullable=False),
        sa.Column("holdout_per_mille", sa.Integer),
        sa.Column("explore_per_mille", sa.Integer, nullable=False),
        sa.Column("choice", sa.String, nullable=False),
        sa.Column("audience", sa.String),
        sa.Column("destination", sa.String, nullable=False),
        sa.Column("made_by", sa.String, nullable=False),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("forecast", sa.String),
        sa.Column("previewed_generation", sa.String),
        sa.Column("generation", sa.String),
        sa.Column("run_id", sa.String),
        sa.Column("as_of_date", sa.Date),
        sa.Column("period_start", sa.Date),
        sa.Column("period_end", sa.Date),
        sa.Column("cool_downs", sa.String),
        sa.Column("members_hash", sa.String),
        sa.Column("launched_by", sa.String),
        sa.Column("launched_at", sa.DateTime),
        sa.Column("ended_by", sa.String),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("ended_because", sa.String),
        sa.Column("files", sa.Integer, nullable=False),
        sa.UniqueConstraint("domain", "name"),
    )
    op.create_table(
        "campaign_members",
        sa.Column("campaign_id", sa.String, primary_key=True),
        sa.Column("customer_id", sa.String, primary_key=True),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("arm", sa.String, nullable=False),
        sa.Column("is_fixed", sa.Boolean, nullable=False),
        sa.Column("draw", sa.Integer, nullable=False),
        sa.Column("holdout_per_mille", sa.Integer, nullable=False),
        sa.Column("action_id", sa.String, nullable=False),
        sa.Column("channel", sa.String, nullable=False),
        sa.Column("is_explored", sa.Boolean, nullable=False),
        sa.Column("action_probability", sa.Float, nullable=False),
        sa.Column("is_cooling", sa.Boolean, nullable=False),
        sa.Column("risk_band", sa.String, nullable=False),
        sa.Column("churn_probability", sa.Float, nullable=False),
        sa.Column("customer_value", sa.Float),
        sa.Column("due_on", sa.Date),
        sa.Column("expected_churn_averted", sa.Float, nullable=False),
        sa.Column("spend_cents", sa.BigInteger, nullable=False),
        sa.Column("profit_cents", sa.BigInteger, nullable=False),
        sa.Column("member_hash", sa.String, nullable=False),
    )
    op.create_table(
        "endpoints",
        sa.Column("domain", sa.String, primary_key=True),
        sa.Column("name", sa.String, primary_key=True),
        sa.Column("url", sa.String, nullable=False),
        sa.Column("allows_private", sa.Boolean, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("disabled_at", sa.DateTime),
        sa.Column("disabled_because", sa.String),
        sa.Column("failing_since", sa.DateTime),
        sa.Column("throttled_until", sa.DateTime),
        sa.Column("throttles", sa.Integer, nullable=False),
        sa.Column("added_by", sa.String),
        sa.Column("added_at", sa.DateTime, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("message_id", sa.String, primary_key=True),
        sa.Column("replay", sa.Integer, primary_key=True),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("campaign_id", sa.String, nullable=False),
        sa.Column("customer_id", sa.String, nullable=False),
        sa.Column("destination", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("body", sa.String),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_at", sa.DateTime, nullable=False),
        sa.Column("worker", sa.String),
        sa.Column("lease_until", sa.DateTime),
        sa.Column("made_at", sa.DateTime, nullable=False),
        sa.Column("ended_at", sa.DateTime),
        sa.Column("ended_because", sa.String),
    )
    op.create_index("outbox_due", "outbox", ["state", "next_at"])
    op.create_index("outbox_of_campaign", "outbox", ["campaign_id", "state"])
    op.create_table(
        "delivery_attempts",
        sa.Column("number", sa.Integer, primary_key=True),
        sa.Column("message_id", sa.String, nullable=False),
        sa.Column("replay", sa.Integer, nullable=False),
        sa.Column("domain", sa.String, nullable=False),
        sa.Column("destination", sa.String, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("at", sa.DateTime, nullable=False),
        sa.Column("status", sa.Integer),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("milliseconds", sa.Integer, nullable=False),
    )
    op.create_index("attempts_of_message", "delivery_attempts", ["message_id"])
    op.execute(_FORWARD_ONLY)
    op.execute(_FROZEN)
