"""The tables of state.sqlite for campaigns, their members, messages and receivers.

They are not part of `pipeline.retention.decisions`' metadata, whose tables are exported for dbt.
"""

import sqlalchemy as sa

METADATA = sa.MetaData()

CAMPAIGNS = sa.Table(
    "campaigns",
    METADATA,
    sa.Column("campaign_id", sa.String, primary_key=True),
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    # draft, running, paused, finished or stopped
    sa.Column("status", sa.String, nullable=False),
    sa.Column("budget_cents", sa.BigInteger, nullable=False),
    # null for what the period or power requires
    sa.Column("holdout_per_mille", sa.Integer),
    sa.Column("explore_per_mille", sa.Integer, nullable=False),
    # JSON of a PlanChoice
    sa.Column("choice", sa.String, nullable=False),
    # name of a saved audience; null for none
    sa.Column("audience", sa.String),
    # name of an endpoint, `csv` or `parquet`
    sa.Column("destination", sa.String, nullable=False),
    sa.Column("made_by", sa.String, nullable=False),
    sa.Column("made_at", sa.DateTime, nullable=False),
    # JSON of a Forecast, and the generation it is of; null before the first preview
    sa.Column("forecast", sa.String),
    sa.Column("previewed_generation", sa.String),
    # frozen at launch; null before
    sa.Column("generation", sa.String),
    sa.Column("run_id", sa.String),
    sa.Column("as_of_date", sa.Date),
    sa.Column("period_start", sa.Date),
    sa.Column("period_end", sa.Date),
    # JSON: action → days; the empty action for those that nobody knows
    sa.Column("cool_downs", sa.String),
    sa.Column("members_hash", sa.String),
    sa.Column("launched_by", sa.String),
    sa.Column("launched_at", sa.DateTime),
    sa.Column("ended_by", sa.String),
    sa.Column("ended_at", sa.DateTime),
    sa.Column("ended_because", sa.String),
    # files handed over so far
    sa.Column("files", sa.Integer, nullable=False),
    sa.UniqueConstraint("domain", "name"),
)
# Written once, by the launch; what happens later is in other tables.
MEMBERS = sa.Table(
    "campaign_members",
    METADATA,
    sa.Column("campaign_id", sa.String, primary_key=True),
    sa.Column("customer_id", sa.String, primary_key=True),
    sa.Column("domain", sa.String, nullable=False),
    # treat or control
    sa.Column("arm", sa.String, nullable=False),
    # the period had drawn the arm before this campaign
    sa.Column("is_fixed", sa.Boolean, nullable=False),
    # thousandths of the hash that drew the arm; control below the hold-out
    sa.Column("draw", sa.Integer, nullable=False),
    sa.Column("holdout_per_mille", sa.Integer, nullable=False),
    sa.Column("action_id", sa.String, nullable=False),
    sa.Column("channel", sa.String, nullable=False),
    sa.Column("is_explored", sa.Boolean, nullable=False),
    sa.Column("action_probability", sa.Float, nullable=False),
    # contacted before the launch so lately that no message is sent
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
# Settings under a name, to draft campaigns from.
PLAYBOOKS = sa.Table(
    "playbooks",
    METADATA,
    # another one whenever it is saved: what other settings achieved is not its own
    sa.Column("playbook_id", sa.String, primary_key=True),
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("budget_cents", sa.BigInteger, nullable=False),
    # null for what the period or power requires
    sa.Column("holdout_per_mille", sa.Integer),
    sa.Column("explore_per_mille", sa.Integer, nullable=False),
    # JSON of a PlanChoice
    sa.Column("choice", sa.String, nullable=False),
    # name of a saved audience; null for none
    sa.Column("audience", sa.String),
    sa.Column("made_by", sa.String, nullable=False),
    sa.Column("made_at", sa.DateTime, nullable=False),
    sa.UniqueConstraint("domain", "name"),
)
# Campaigns with the settings of a playbook: the one it was made from, and those drafted from it.
PLAYBOOK_CAMPAIGNS = sa.Table(
    "playbook_campaigns",
    METADATA,
    sa.Column("playbook_id", sa.String, primary_key=True),
    sa.Column("campaign_id", sa.String, primary_key=True),
)
ENDPOINTS = sa.Table(
    "endpoints",
    METADATA,
    sa.Column("domain", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("url", sa.String, nullable=False),
    # for development: addresses of this machine and its network, and http
    sa.Column("allows_private", sa.Boolean, nullable=False),
    # active or disabled
    sa.Column("status", sa.String, nullable=False),
    sa.Column("disabled_at", sa.DateTime),
    sa.Column("disabled_because", sa.String),
    # first failure after the last success; null after a success
    sa.Column("failing_since", sa.DateTime),
    sa.Column("throttled_until", sa.DateTime),
    sa.Column("throttles", sa.Integer, nullable=False),
    sa.Column("added_by", sa.String),
    sa.Column("added_at", sa.DateTime, nullable=False),
)
# A message keeps its id when it is replayed; each replay is a row of its own.
OUTBOX = sa.Table(
    "outbox",
    METADATA,
    sa.Column("message_id", sa.String, primary_key=True),
    sa.Column("replay", sa.Integer, primary_key=True),
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("campaign_id", sa.String, nullable=False),
    sa.Column("customer_id", sa.String, nullable=False),
    sa.Column("destination", sa.String, nullable=False),
    # pending; then for good delivered, dead, withheld or stopped
    sa.Column("state", sa.String, nullable=False),
    # null once nobody needs it
    sa.Column("body", sa.String),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_at", sa.DateTime, nullable=False),
    sa.Column("worker", sa.String),
    sa.Column("lease_until", sa.DateTime),
    sa.Column("made_at", sa.DateTime, nullable=False),
    sa.Column("ended_at", sa.DateTime),
    sa.Column("ended_because", sa.String),
    sa.Index("outbox_due", "state", "next_at"),
    sa.Index("outbox_of_campaign", "campaign_id", "state"),
)
# Every attempt that came to an end; it holds no content and no answer's text.
ATTEMPTS = sa.Table(
    "delivery_attempts",
    METADATA,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("message_id", sa.String, nullable=False),
    sa.Column("replay", sa.Integer, nullable=False),
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("destination", sa.String, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("at", sa.DateTime, nullable=False),
    # of the HTTP answer; null without one
    sa.Column("status", sa.Integer),
    sa.Column("outcome", sa.String, nullable=False),
    sa.Column("milliseconds", sa.Integer, nullable=False),
    sa.Index("attempts_of_message", "message_id"),
)
