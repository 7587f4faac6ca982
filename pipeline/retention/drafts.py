"""Plans as drafts: saved by name, compared, and approved to be the plan that is published.

A draft is a row of the state, and the customers that it would contact and hold out are a Parquet
file beside the state. Saving one draws no arm and changes no plan. An approved draft is the plan
from the next publish on; whoever was drawn earlier in the period keeps the arm.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import duckdb
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from pipeline.project.duck import file_sql, quoted, rows_of
from pipeline.project.errors import ChurnError
from pipeline.project.files import replaced
from pipeline.project.home import Home
from pipeline.project.state import reading_from
from pipeline.retention.audit import record
from pipeline.retention.decisions import PLANS, put_plan, writing
from pipeline.retention.plan_choice import PlanChoice

# Maximum per domain, since people choose from a list.
MOST = 100
CUSTOMERS = (
    "customer_id",
    "decision",
    "planned_action",
    "action_title",
    "channel",
    "theme",
    "due_on",
    "churn_probability",
    "customer_value",
    "expected_profit",
    "expected_spend",
)

_METADATA = sa.MetaData()
DRAFTS = sa.Table(
    "plan_drafts",
    _METADATA,
    sa.Column("draft_id", sa.String, primary_key=True),
    sa.Column("domain", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("budget_cents", sa.BigInteger, nullable=False),
    sa.Column("holdout_per_mille", sa.Integer),
    # JSON of a PlanChoice
    sa.Column("choice", sa.String, nullable=False),
    # JSON of a row of bi_retention_budget
    sa.Column("figures", sa.String, nullable=False),
    sa.Column("generation", sa.String, nullable=False),
    sa.Column("as_of_date", sa.Date, nullable=False),
    sa.Column("made_by", sa.String, nullable=False),
    sa.Column("made_at", sa.DateTime, nullable=False),
    sa.Column("approved_by", sa.String),
    sa.Column("approved_at", sa.DateTime),
    sa.UniqueConstraint("domain", "name"),
)


@dataclass(frozen=True)
class Draft:
    """A plan that somebody saved.

    Attributes:
        draft_id: Its id; another one whenever it is saved.
        domain: Domain.
        name: Name, unique in the domain.
        budget_cents: Expected spend of one period.
        holdout_per_mille: Hold-out in thousandths; None for automatic.
        choice: Whom it is for and what it may use.
        figures: What it costs and earns: a row of `bi_retention_budget`, JSON-ready.
        generation: The generation it was computed from.
        as_of_date: Cut-off of its scores.
        made_by: Who saved it.
        made_at: When, UTC.
        approved_by: Who made it the plan; None if nobody did.
        approved_at: When, UTC.
    """

    draft_id: str
    domain: str
    name: str
    budget_cents: int
    holdout_per_mille: int | None
    choice: PlanChoice
    figures: dict[str, Any]
    generation: str
    as_of_date: date
    made_by: str
    made_at: datetime
    approved_by: str | None = None
    approved_at: datetime | None = None


def save_draft(home: Home, draft: Draft, planned: duckdb.DuckDBPyConnection) -> Draft:
    """Save a draft and its customers in place of one of that name, which may stay the plan.

    Args:
        home: CHURN_HOME.
        draft: The draft; its id and times are given here.
        planned: Connection from `planning_published` that computed it.

    Returns:
        The draft as it is stored.

    Raises:
        ChurnError: The domain has too many drafts.
    """
    kept = Draft(**{**vars(draft), "draft_id": uuid4().hex, "made_at": _now()})
    path = customers_file(home, kept.domain, kept.draft_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with replaced(path) as part:
        planned.execute(
            f"copy (select {', '.join(CUSTOMERS)} from fct_churn_actions "
            "where decision in ('treat', 'hold_out') order by customer_id) "
            f"to {quoted(part)} (format parquet)"
        )
    try:
        with writing(home) as connection:
            of_domain = DRAFTS.c.domain == kept.domain
            before = connection.execute(
                sa.select(DRAFTS.c.draft_id).where(of_domain, DRAFTS.c.name == kept.name)
            ).scalar()
            others = sa.select(sa.func.count()).where(of_domain, DRAFTS.c.name != kept.name)
            if connection.execute(others).scalar_one() >= MOST:
                raise ChurnError(
                    f"{kept.domain} already has {MOST} drafts, the maximum.",
                    hint="Delete one first.",
                )
            connection.execute(sa.delete(DRAFTS).where(of_domain, DRAFTS.c.name == kept.name))
            connection.execute(insert(DRAFTS).values(_row(kept)))
            record(connection, kept.domain, "saved a draft", kept.name, kept.made_by)
    except BaseException:
        # nobody would delete customers of a draft that is not there
        path.unlink(missing_ok=True)
        raise
    if before is not None:
        customers_file(home, kept.domain, before).unlink(missing_ok=True)
    return kept


def read_drafts(home: Home, domain: str, after: str = "", limit: int = MOST) -> list[Draft]:
    """Return drafts by name, those after a name; empty before anything is stored."""
    with reading_from(home) as connection:
        if connection is None:
            return []
        rows = connection.execute(
            sa.select(DRAFTS)
            .where(DRAFTS.c.domain == domain, DRAFTS.c.name > after)
            .order_by(DRAFTS.c.name)
            .limit(limit)
        )
        return [_draft(row) for row in rows.mappings()]


def find_draft(home: Home, domain: str, name: str) -> Draft | None:
    """Return the draft of a name, None if there is none."""
    return next((one for one in read_drafts(home, domain) if one.name == name), None)


def draft_of_plan(home: Home, domain: str) -> str | None:
    """Return the id of the draft that is the plan from the next publish on, None if none is."""
    with reading_from(home) as connection:
        if connection is None:
            return None
        found: str | None = connection.execute(
            sa.select(PLANS.c.draft_id).where(PLANS.c.domain == domain)
        ).scalar()
        return found


def forget_draft(home: Home, domain: str, name: str, by: str | None = None) -> bool:
    """Delete a draft; return whether there was one. A plan that it became stays."""
    with writing(home) as connection:
        where = (DRAFTS.c.domain == domain) & (DRAFTS.c.name == name)
        draft_id = connection.execute(sa.select(DRAFTS.c.draft_id).where(where)).scalar()
        connection.execute(sa.delete(DRAFTS).where(where))
        if draft_id is not None:
            record(connection, domain, "deleted a draft", name, by)
    if draft_id is not None:
        customers_file(home, domain, draft_id).unlink(missing_ok=True)
    return draft_id is not None


def approve_draft(home: Home, draft: Draft, who: str) -> Draft:
    """Make a draft the plan from the next publish on; return it as it is stored.

    Raises:
        ChurnError: It was saved again or deleted since; nobody approves what they have not seen.
    """
    now = _now()
    with writing(home) as connection:
        done = connection.execute(
            sa.update(DRAFTS)
            .where(DRAFTS.c.draft_id == draft.draft_id)
            .values(approved_by=who, approved_at=now)
        )
        if done.rowcount == 0:
            raise ChurnError(
                f"The draft {draft.name} was changed or deleted meanwhile.",
                hint="Look at it again, then approve it.",
            )
        put_plan(
            connection,
            draft.domain,
            draft.budget_cents,
            draft.holdout_per_mille,
            draft.choice,
            draft.draft_id,
        )
        record(connection, draft.domain, "approved a draft", draft.name, who)
    return Draft(**{**vars(draft), "approved_by": who, "approved_at": now})


def read_draft_customers(
    home: Home, draft: Draft, decisions: Sequence[str], after: str, limit: int
) -> list[dict[str, Any]]:
    """Return the customers of a draft after a customer_id, by id: the columns `CUSTOMERS`.

    Args:
        home: CHURN_HOME.
        draft: The draft.
        decisions: `treat`, `hold_out` or both.
        after: Last id of the previous page; an empty text for the first page.
        limit: Maximum number of rows.

    Raises:
        ChurnError: The draft's file is gone.
    """
    path = customers_file(home, draft.domain, draft.draft_id)
    if not path.exists():
        raise ChurnError(
            f"The customers of the draft {draft.name} are gone.",
            where=str(path),
            hint="Save the draft again.",
        )
    with duckdb.connect() as connection:
        return rows_of(
            connection.execute(
                f"select * from read_parquet({file_sql(path)}) "
                "where list_contains(?, decision) and customer_id > ? "
                "order by customer_id limit ?",
                [list(decisions), after, limit],
            )
        )


def customers_file(home: Home, domain: str, draft_id: str) -> Path:
    """Return where the customers of a draft are."""
    return home.drafts / domain / f"{draft_id}.parquet"


def _row(draft: Draft) -> dict[str, Any]:
    return {
        **vars(draft),
        "choice": json.dumps(draft.choice.as_json()),
        "figures": json.dumps(draft.figures),
    }


def _draft(row: sa.RowMapping) -> Draft:
    choice = PlanChoice.of_json(json.loads(row["choice"]))
    return Draft(**{**row, "choice": choice, "figures": json.loads(row["figures"])})


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
