"""Guards: compare what is about to be published of a domain with the current generation.

They look at its rows, and at what of the state they are made with.
"""

from dataclasses import dataclass
from datetime import date

import duckdb

from pipeline.project.domain_settings import Guards
from pipeline.project.duck import open_large, quoted
from pipeline.project.home import Home
from pipeline.publish.generation import SCHEMA, STAMPED, GenerationInfo
from pipeline.retention.counts import StateCount, count_state

_RISK = "bi_churn_risk"


@dataclass(frozen=True)
class Side:
    """What a domain's scores are, in the warehouse or in the current generation.

    Attributes:
        customers: Scored customers.
        mean_risk: Their mean risk; None without any.
        as_of_date: Their cut-off; None without any.
    """

    customers: int
    mean_risk: float | None
    as_of_date: date | None


@dataclass(frozen=True)
class Jump:
    """How a domain would change for its readers.

    Attributes:
        before: What is published.
        after: What would be.
        listed: Customers on the published CRM list.
        changed: Those of them whose row changes, and customers who are new on it, at most all.
        tombstones: Those of them who leave it.
    """

    before: Side
    after: Side
    listed: int
    changed: int
    tombstones: int

    def beyond(self, guards: Guards) -> list[str]:
        """Return what the guards refuse, each with its figures; empty within their limits."""
        found = []
        before, after = self.before, self.after
        if before.as_of_date and after.as_of_date and after.as_of_date < before.as_of_date:
            found.append(
                f"the cut-off {after.as_of_date} is before the published one, {before.as_of_date}"
            )
        change = after.customers / before.customers - 1
        if abs(change) > guards.cohort:
            found.append(
                f"scored customers go from {before.customers:,} to {after.customers:,} "
                f"({change:+.1%}, limit {guards.cohort:.0%})"
            )
        if before.mean_risk and after.mean_risk is not None:
            change = after.mean_risk / before.mean_risk - 1
            if abs(change) > guards.mean_risk:
                found.append(
                    f"the mean risk goes from {before.mean_risk:.4f} to {after.mean_risk:.4f} "
                    f"({change:+.1%}, limit {guards.mean_risk:.0%})"
                )
        for count, limit, what in (
            (self.changed, guards.crm_changes, "CRM rows change"),
            (self.tombstones, guards.tombstones, "customers leave the CRM list"),
        ):
            if self.listed and count / self.listed > limit:
                share = count / self.listed
                found.append(
                    f"{count:,} of {self.listed:,} {what} ({share:.1%}, limit {limit:.0%})"
                )
        return found


def lost_decisions(home: Home, live: GenerationInfo | None, domain: str) -> str | None:
    """Return what of a domain's state is missing since the current generation, in words.

    What somebody lifted, or what was erased, is on record and not missing. None if nothing is.
    """
    known = live.known.get(domain, {}) if live is not None else {}
    now = count_state(home, domain)
    lost = [kind for kind in known if now.get(kind, StateCount()).is_less_than(known[kind])]
    if not lost:
        return None
    words = []
    for kind in lost:
        rows, before = now.get(kind, StateCount()), known[kind]
        lifted = max(0, rows.lifted - before.lifted)
        words.append(
            f"{before.rows:,} {kind}s were known when {live.name if live else ''} was published, "
            f"{rows.rows:,} are there now and {lifted:,} were lifted since"
        )
    return "; ".join(words)


def measure(home: Home, live: GenerationInfo | None, domain: str) -> Jump | None:
    """Compare the warehouse with the current generation; None where it has no score of the domain.

    Args:
        home: CHURN_HOME after the serving tables were built.
        live: The current generation.
        domain: Domain.
    """
    if live is None or not {_RISK, STAMPED} <= live.tables.keys():
        return None
    with open_large(home, "guards") as connection:
        connection.execute(f"attach {quoted(home.warehouse)} as warehouse (read_only)")
        connection.execute(f"attach {quoted(live.path)} as published (read_only)")
        before = _side(connection, "published", domain)
        if before.customers == 0:
            return None
        # a row that would keep its hash keeps its times, and no CRM reads it again
        listed, changed, tombstones = connection.execute(
            f"""
            select
                count(*) filter (where not before.is_deleted),
                count(*) filter (where after.row_hash is distinct from before.row_hash),
                count(*) filter (where not before.is_deleted and coalesce(after.is_deleted, true))
            from (from published.{SCHEMA}.{STAMPED} where domain = $1) as before
            full join (from warehouse.{SCHEMA}.{STAMPED} where domain = $1) as after
                using (customer_id)
            """,
            [domain],
        ).fetchall()[0]
        after = _side(connection, "warehouse", domain)
    return Jump(before, after, listed, min(changed, listed), tombstones)


def _side(connection: duckdb.DuckDBPyConnection, database: str, domain: str) -> Side:
    customers, mean_risk, as_of_date = connection.execute(
        "select count(*), avg(churn_probability), max(as_of_date) "
        f"from {database}.{SCHEMA}.{_RISK} where domain = ?",
        [domain],
    ).fetchall()[0]
    return Side(customers, mean_risk, as_of_date)
