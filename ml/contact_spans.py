"""Whom a contact may have moved in any span of days, where `ml.contacted` knows cut-offs alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.contacted import SCHEMA, standing_for
from ml.contract import Days, Examples, Floats, day_of

TABLE = "int_churn__contact_spans_derived"


@dataclass(frozen=True)
class ContactSpans:
    """Spans of days in which a contact may change what a customer does; one entry a span.

    Attributes:
        customer_id: Customer.
        opens: First day of the span, as days since 1970-01-01.
        closes: The day after its last.
        acts_from: Day of the first contact that makes it count.
        weight: How many customers one who stands for others counts as; 0 for who is left out.
    """

    customer_id: NDArray[np.object_]
    opens: Days
    closes: Days
    acts_from: Days
    weight: Floats

    def known(self, cut_off: int) -> int:
        """Return how many spans count by a cut-off."""
        return int((self.acts_from < cut_off).sum())

    def weights(
        self, customers: NDArray[np.object_], opens: int, closes: int, cut_off: int
    ) -> Floats:
        """Return how many customers each of n customers stands for in a window of days.

        Of several spans it is the product, as in `ml.contacted`.

        Args:
            customers: n customers.
            opens: First day of the window.
            closes: The day after its last.
            cut_off: The cut-off at which this is asked; later contacts are not known.
        """
        counts = (self.acts_from < cut_off) & (self.opens < closes) & (self.closes > opens)
        if not counts.any():
            return np.ones(len(customers))
        products = pd.Series(self.weight[counts]).groupby(self.customer_id[counts]).prod()
        return np.asarray(products.reindex(customers).fillna(1.0), dtype=np.float64)


def without_moved(
    examples: Examples, known_on: Mapping[np.datetime64, np.datetime64], spans: ContactSpans | None
) -> Examples:
    """Return the examples to learn from or to be judged by, with their weights.

    It is the rule of `ml.contacted` for cut-offs that the warehouse does not have.

    Args:
        examples: n rows.
        known_on: Cut-off → day on which the outcomes of its cohort were known.
        spans: Whom contacts may have moved; None changes nothing.
    """
    if spans is None:
        return examples
    ends = {day_of(cut_off): day_of(known) for cut_off, known in known_on.items()}
    weight = np.ones(len(examples))
    for cut_off in np.unique(examples.as_of_date):
        rows, opens = examples.as_of_date == cut_off, day_of(cut_off)
        closes = ends[opens]
        weight[rows] = spans.weights(examples.customer_id[rows], opens, closes, closes)
    return standing_for(examples, weight)


def read_contact_spans(connection: duckdb.DuckDBPyConnection, domain: str) -> ContactSpans | None:
    """Return a domain's spans; None where no contact is on record, or in a mart that lacks them.

    Args:
        connection: The warehouse after the build.
        domain: Domain.
    """
    is_there = connection.execute(
        "select count(*) > 0 from information_schema.tables "
        "where table_schema = ? and table_name = ? and table_catalog = current_database()",
        [SCHEMA, TABLE],
    ).fetchall()[0][0]
    if not is_there:
        return None
    days = ", ".join(
        f"date_diff('day', date '1970-01-01', {name}) as {name}"
        for name in ("opens_on", "closes_on", "acts_from")
    )
    rows = connection.execute(
        f"select customer_id, {days}, weight from {SCHEMA}.{TABLE} where domain = ? order by all",
        [domain],
    ).fetchnumpy()
    if not len(rows["customer_id"]):
        return None
    opens, closes, acts_from = (
        np.asarray(rows[name], dtype=np.int64) for name in ("opens_on", "closes_on", "acts_from")
    )
    return ContactSpans(
        customer_id=np.asarray(rows["customer_id"], dtype=object),
        opens=opens,
        closes=closes,
        acts_from=acts_from,
        weight=np.asarray(rows["weight"], dtype=np.float64),
    )
