"""How many customers a saved audience has now, and what they put at risk."""

import duckdb

from app.audience_members import audience_members
from app.digest.figures import DigestFigure, Row, Section
from app.viewer import words
from pipeline.project.home import Home


def audience_section(
    home: Home, connection: duckdb.DuckDBPyConnection, domain: Row, name: str
) -> Section:
    """Return the figures of an audience.

    Args:
        home: CHURN_HOME.
        connection: On the published tables.
        domain: The domain's row of `bi_domains`.
        name: Name of the audience.

    Raises:
        ChurnError: There is no such audience any more.
    """
    members = audience_members(home, str(domain["domain"]), name)
    ((at_risk, value),) = connection.execute(
        "select count(*) filter (where is_at_risk), "
        "sum(value_at_risk) filter (where is_at_risk) from bi_customer_360 "
        "where domain = ? and list_contains(?, customer_id)",
        [domain["domain"], sorted(members)],
    ).fetchall()
    money = words.money(value or 0.0, str(domain["currency"]))
    return Section(
        f"Audience {name}",
        "customers",
        [
            DigestFigure("Customers", f"{len(members):,}", "customers", (), float(len(members))),
            DigestFigure("At risk", f"{at_risk:,}", "customers", (), float(at_risk)),
            DigestFigure("Value at risk", money, "customers", (), float(value or 0.0)),
        ],
        "Open it on the page Customers, under Saved audiences.",
    )
