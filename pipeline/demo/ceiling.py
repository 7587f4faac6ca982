"""The oracle score on demo data: the log loss of the probabilities that generated them."""

from dataclasses import dataclass

import duckdb

from pipeline.project.duck import file_sql, quoted
from pipeline.project.home import Home
from pipeline.publish.generation import GenerationInfo


@dataclass(frozen=True)
class Ceiling:
    """Log losses on the test cohorts whose true probabilities are known.

    Attributes:
        known: Log loss of the hidden probabilities, the best possible in expectation.
        model: Log loss of LightGBM.
        base_rate: Log loss of the newest training cohort's churn rate.
    """

    known: float
    model: float
    base_rate: float

    @property
    def recovered(self) -> float:
        """Share of the distance from the base rate to the oracle score that the model covers."""
        return (self.base_rate - self.model) / (self.base_rate - self.known)


def demo_ceiling(home: Home, generation: GenerationInfo, domain: str) -> Ceiling | None:
    """Compare the live run with the demo's hidden truth; None if its label has no truth."""
    truth = home.demo_truth / f"{domain}.parquet"
    if not truth.exists():
        return None
    with duckdb.connect() as connection:
        connection.execute(f"attach {quoted(home.warehouse)} as warehouse (read_only)")
        connection.execute(f"attach {quoted(generation.path)} as generation (read_only)")
        known = connection.execute(
            f"""
            with test as (
                select distinct as_of_date, label_definition
                from generation.serving.bi_model_quality_by_day
                where domain = ?
            )
            select
                -avg(case when is_churned then ln(truth.churn_probability)
                    else ln(1 - truth.churn_probability) end),
                min(as_of_date),
                max(as_of_date)
            from read_parquet({file_sql(truth)}) as truth
            inner join test using (as_of_date)
            inner join warehouse.{domain}.{domain}__churn_examples using (customer_id, as_of_date)
            where is_churned is not null and starts_with(label_definition, truth.outcome)
            """,
            [domain],
        ).fetchone()
        # the models on the same cohorts: the generators know the truth of month starts alone
        found = dict(
            connection.execute(
                "select model, sum(value * rows) / sum(rows) "
                "from generation.serving.bi_model_quality_by_day "
                "where domain = ? and metric = 'log_loss' and as_of_date between ? and ? "
                "and as_of_date in (select as_of_date from read_parquet(?)) group by model",
                [domain, *(known[1:] if known else (None, None)), str(truth)],
            ).fetchall()
        )
    if known is None or known[0] is None or "lightgbm" not in found:
        return None
    return Ceiling(float(known[0]), found["lightgbm"], found["base_rate"])
