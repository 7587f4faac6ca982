"""What people decided about a few customers, read from the state as it is now."""

from collections.abc import Sequence

import sqlalchemy as sa

from pipeline.realtime.answer import Guarded
from pipeline.settings import Home
from pipeline.state import CONTACTS, SUPPRESSIONS

_BATCH = 5_000


def read_guarded(home: Home, domain: str, customers: Sequence[str]) -> Guarded:
    """Return the suppressions and contacts of customers; none before anything was kept."""
    found = Guarded()
    if not home.state.exists():
        return found
    engine = sa.create_engine(f"sqlite:///{home.state}", connect_args={"timeout": 30})
    try:
        there = set(sa.inspect(engine).get_table_names())
        with engine.connect() as connection:
            for start in range(0, len(customers), _BATCH):
                batch = customers[start : start + _BATCH]
                if SUPPRESSIONS.name in there:
                    found.suppressions += [
                        {
                            "domain": domain,
                            "customer_id": row.customer_id,
                            "suppression_reason": row.reason,
                        }
                        for row in connection.execute(_about(SUPPRESSIONS, domain, batch))
                    ]
                if CONTACTS.name in there:
                    found.contacts += [
                        {
                            "domain": domain,
                            "customer_id": row.customer_id,
                            "contacted_on": str(row.contacted_on),
                            "action_id": row.action_id,
                        }
                        for row in connection.execute(_about(CONTACTS, domain, batch))
                    ]
    finally:
        engine.dispose()
    return found


def _about(table: sa.Table, domain: str, customers: Sequence[str]) -> sa.Select[tuple[object, ...]]:
    return sa.select(table).where(table.c.domain == domain, table.c.customer_id.in_(customers))
