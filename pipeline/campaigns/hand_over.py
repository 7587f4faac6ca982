"""Writes messages to files, for CRMs without webhooks."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from pipeline.campaigns.life_cycle import FILES
from pipeline.campaigns.outbox import deliver, log_attempt, reason_to_withhold, withhold
from pipeline.campaigns.send import Reply
from pipeline.campaigns.tables import CAMPAIGNS, OUTBOX
from pipeline.project.files import replaced
from pipeline.project.home import Home
from pipeline.project.state import writing_to

# Columns of a file, each a text; days as YYYY-MM-DD.
COLUMNS = (
    "message_id",
    "customer_id",
    "campaign_id",
    "campaign",
    "action_id",
    "action_title",
    "message_hint",
    "channel",
    "due_on",
    "risk_band",
)


def hand_over(home: Home, engine: sa.Engine, now: datetime, today: date) -> list[Path]:
    """Write the messages of running campaigns that go to files; return the files.

    A file has a number, which is stored with its messages. Where a run is killed between the two,
    the next one writes the same number again.

    Args:
        home: CHURN_HOME.
        engine: The state.
        now: Now, UTC without a zone.
        today: Day by which cool-downs count.
    """
    found = sa.select(CAMPAIGNS.c.campaign_id).where(
        CAMPAIGNS.c.status == "running", CAMPAIGNS.c.destination.in_(FILES)
    )
    with engine.connect() as connection:
        campaigns = [row[0] for row in connection.execute(found)]
    files = [_one(home, engine, campaign_id, now, today) for campaign_id in campaigns]
    return [path for path in files if path is not None]


def _one(
    home: Home, engine: sa.Engine, campaign_id: str, now: datetime, today: date
) -> Path | None:
    with writing_to(engine) as connection:
        campaign = connection.execute(
            sa.select(CAMPAIGNS).where(
                CAMPAIGNS.c.campaign_id == campaign_id, CAMPAIGNS.c.status == "running"
            )
        ).one_or_none()
        if campaign is None:
            return None
        pending = connection.execute(
            sa.select(OUTBOX)
            .where(OUTBOX.c.campaign_id == campaign_id, OUTBOX.c.state == "pending")
            .order_by(OUTBOX.c.customer_id)
        ).mappings()
        rows: list[dict[str, Any]] = []
        for message in pending.all():
            key = (message["message_id"], message["replay"])
            if because := reason_to_withhold(connection, message, today):
                withhold(connection, key, because, now)
                continue
            rows.append({**json.loads(message["body"])["data"], "message_id": key[0]})
            deliver(connection, key, now)
            log_attempt(connection, dict(message), Reply(), "delivered", now)
        if not rows:
            return None
        number = campaign.files + 1
        connection.execute(
            sa.update(CAMPAIGNS).where(CAMPAIGNS.c.campaign_id == campaign_id).values(files=number)
        )
        folder = home.deliveries / campaign.domain / campaign_id
        path: Path = folder / f"{number:04d}.{campaign.destination}"
        table = pa.table({name: pa.array([r[name] for r in rows], pa.string()) for name in COLUMNS})
        # last: what was not stored is written again under the same name
        with replaced(path) as part:
            if campaign.destination == "csv":
                pc.write_csv(table, part)
            else:
                pq.write_table(table, part)
    return path
