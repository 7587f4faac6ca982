"""Reads people's decisions about a few customers from the current state."""

import threading
from collections.abc import Sequence

import sqlalchemy as sa

from pipeline.project.home import Home
from pipeline.realtime.answer import ContactDecisions
from pipeline.retention.decisions import CONTACTS, SUPPRESSIONS, decided

_BATCH = 5_000


class DecisionReader:
    """Suppressions and contacts of a domain; empty before anything is stored.

    Args:
        home: CHURN_HOME.
        domain: Domain.
    """

    def __init__(self, home: Home, domain: str) -> None:
        self._home, self._domain = home, domain
        self._lock = threading.Lock()
        self._engine: sa.Engine | None = None
        # built once: building a query takes as long as running it
        self._suppressions, self._contacts = (
            sa.select(*decided(table)).where(
                table.c.domain == domain,
                table.c.customer_id.in_(sa.bindparam("customers", expanding=True)),
            )
            for table in (SUPPRESSIONS, CONTACTS)
        )

    def about(self, customers: Sequence[str]) -> ContactDecisions:
        """Return the decisions about customers."""
        found = ContactDecisions()
        engine = self._opened()
        if engine is None:
            return found
        with engine.connect() as connection:
            for start in range(0, len(customers), _BATCH):
                batch = {"customers": list(customers[start : start + _BATCH])}
                found.suppressions += [
                    {
                        "domain": self._domain,
                        "customer_id": row.customer_id,
                        "suppression_reason": row.reason,
                    }
                    for row in connection.execute(self._suppressions, batch)
                ]
                found.contacts += [
                    {
                        "domain": self._domain,
                        "customer_id": row.customer_id,
                        "contacted_on": str(row.contacted_on),
                        "action_id": row.action_id,
                    }
                    for row in connection.execute(self._contacts, batch)
                ]
        return found

    def _opened(self) -> sa.Engine | None:
        """An engine once both tables exist; it only reads."""
        with self._lock:
            if self._engine is None and self._home.state.exists():
                engine = sa.create_engine(
                    f"sqlite:///{self._home.state}", connect_args={"timeout": 30}
                )
                if {SUPPRESSIONS.name, CONTACTS.name} <= set(sa.inspect(engine).get_table_names()):
                    self._engine = engine
                else:
                    engine.dispose()
            return self._engine
