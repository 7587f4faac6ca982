"""Writes a run's info sheet, its model card: what the model is and why it does not leak."""

from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.labels.registry import entries
from pipeline.project.codes import terms
from pipeline.project.duck import file_sql, rows_of
from pipeline.project.sources import source_tables
from pipeline.proofs.prove import kept_proof
from pipeline.report.contacted import contacted_in_words
from pipeline.report.run import METRICS, model_term
from pipeline.runs.context import RunContext
from pipeline.runs.registry import recipe_of

_SMALL_PART = 300  # segments with fewer customers have unreliable metrics


def write_info_sheet(context: RunContext, domain: str, run: Path) -> Path:
    """Write `info_sheet.md` into a run's folder from the run's tables and the proofs.

    Args:
        context: Context of the run; its warehouse is built.
        domain: Domain.
        run: Folder of the run.
    """
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - Markdown, from the project's own tables
        trim_blocks=True,
        lstrip_blocks=True,
    )
    template = environment.get_template("info_sheet.md")
    path = run / "info_sheet.md"
    path.write_text(template.render(**_facts(context, domain, run)) + "\n")
    return path


def _facts(context: RunContext, domain: str, run: Path) -> dict[str, Any]:
    checks = _rows(f"from {file_sql(run / 'checks.parquet')}")
    by_guard = {(c["guard"], c["subject"]): c["words"] for c in checks}
    metrics = _rows(f"from {file_sql(run / 'metrics.parquet')} where split = 'test'")
    quality: dict[str, dict[str, float]] = {}
    for row in metrics:
        name = model_term(row["model"])
        quality.setdefault(name, {})[terms("metric").get(row["metric"], row["metric"])] = row[
            "value"
        ]
    loss = next(m for m in metrics if (m["model"], m["metric"]) == ("lightgbm", "log_loss"))
    proof = kept_proof(context, domain)
    segments = _segments(run)
    frozen = entries(context.home, domain)
    recipe = recipe_of(run)
    about = _rows(f"from {file_sql(run / 'runs.parquet')}")[0]
    first, last = about["test_as_of_date"], about.get("last_test_as_of_date")
    return {
        "run": about,
        "tested": f"{first} to {last}" if last and last != first else str(first),
        "days": _days(run),
        "entry": context.entries[domain],
        "metrics": [terms("metric")[metric] for metric in METRICS],
        "quality": quality,
        "tested_rows": loss["rows"],
        "interval": (loss["ci_low"], loss["ci_high"]),
        "segments": segments,
        "bins": _rows(
            f"from {file_sql(run / 'calibration_bins.parquet')} where split = 'test' order by bin"
        ),
        "choices": _rows(f"from {file_sql(run / 'calibration_choices.parquet')}"),
        "words": lambda guard, subject: by_guard[guard, subject],
        "strongest": max(
            (c for c in checks if c["guard"] == "single_features"), key=lambda c: c["value"]
        ),
        "moved": sorted(
            (c for c in checks if c["guard"] == "train_against_scoring"),
            key=lambda c: -c["value"],
        )[:10],
        "excluded": recipe.excluded,
        "sampled": f"{recipe.stayers.words}." if recipe.stayers else "",
        "contacted": _contacted(run),
        "proof": proof,
        "proof_words": _proof_words(proof),
        "training_proof": (proof or {}).get("training", ""),
        "missing": sorted({name for e in frozen for name in e.missing_raw_files}),
        "small_words": _small_words(segments),
        **_data(context, domain),
        "n": lambda number: f"{number:,}",
        "f": lambda value: "–" if value is None or value != value else f"{value:.4g}",
    }


def _data(context: RunContext, domain: str) -> dict[str, Any]:
    """Coverage at the scored cut-off and the label's cohorts, from the warehouse."""
    history = {table.name: table.history for table in source_tables(domain)}
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        coverage = _rows(
            f"from control.control__coverage where domain = '{domain}' "
            "qualify as_of_date = max(as_of_date) over () order by table_name",
            connection,
        )
        cohorts = _rows(
            f"select *, case when is_closed then churners / label_rows end as churn_rate "
            f"from {domain}.{domain}__label_cohorts where label_definition = "
            f"'{context.entries[domain].label_definition}' order by as_of_date",
            connection,
        )
    for row in coverage:
        row["history"] = history[row["table_name"].partition(".")[0]]
    return {"coverage": coverage, "cohorts": cohorts}


def _segments(run: Path) -> list[dict[str, Any]]:
    return _rows(
        f"""
        select
            segment,
            segment_value,
            max(rows) as rows,
            max(value) filter (metric = 'log_loss') as log_loss,
            max(value) filter (metric = 'auc') as auc,
            max(value) filter (metric = 'observed_to_expected') as observed_to_expected
        from {file_sql(run / "segment_metrics.parquet")}
        where model = 'lightgbm' and split = 'test'
        group by all
        order by all
        """
    )


def _contacted(run: Path) -> list[str]:
    """What is left out because of contacts, in words; nothing without contacts."""
    path = run / "contacted_examples.parquet"
    return contacted_in_words(_rows(f"from {file_sql(path)}")) if path.exists() else []


def _days(run: Path) -> list[dict[str, Any]]:
    """Quality of the model on each test cut-off; nothing for runs of earlier code."""
    path = run / "day_metrics.parquet"
    if not path.exists():
        return []
    return _rows(
        f"""
        select
            as_of_date,
            max(rows) as rows,
            max(value) filter (metric = 'log_loss') as log_loss,
            max(value) filter (metric = 'auc') as auc,
            max(value) filter (metric = 'observed_to_expected') as observed_to_expected
        from {file_sql(path)}
        where model = 'lightgbm'
        group by all
        order by all
        """
    )


def _small_words(segments: list[dict[str, Any]]) -> str:
    small = [f"{s['segment']}: {s['segment_value']}" for s in segments if s["rows"] < _SMALL_PART]
    if not small:
        return f"Every segment above has {_SMALL_PART} customers or more."
    return f"Segments with fewer than {_SMALL_PART} customers are unreliable: {'; '.join(small)}."


def _proof_words(proof: dict[str, Any] | None) -> str:
    if proof is None:
        return ""
    hidden = [c for c in proof["comparisons"] if c["lake"] in ("hidden", "garbage")]
    values = sum(c["rows"] * c["columns"] for c in hidden)
    differences = sum(c["differences"] for c in hidden)
    cut_offs = len({c["as_of_date"] for c in hidden})
    return (
        f"{values:,} values at {cut_offs} cut-offs rebuilt with the future hidden and replaced by "
        f"garbage, {differences} differences"
    )


def _rows(sql: str, connection: duckdb.DuckDBPyConnection | None = None) -> list[dict[str, Any]]:
    """Rows of a query as dictionaries."""
    result = (connection or duckdb).execute(sql)
    return rows_of(result)
