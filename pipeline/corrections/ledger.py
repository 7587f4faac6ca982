"""Keeps what was found of corrections, and what was decided: Parquet under CHURN_HOME/corrections.

One file a test and one a decision, never changed. The table bi_corrections is made from them.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ml.evaluation.corrections import Gain, Verdict, holm, verdict_of
from pipeline.corrections.judge import TestedCorrection
from pipeline.project.files import replaced
from pipeline.project.home import Home

_GAINS = ("touched", "calibration", "flag", "beyond_flag", "flag_beyond", "placebo")
_TEST = pa.schema(
    [
        ("domain", pa.string()),
        ("name", pa.string()),
        ("hypothesis", pa.string()),
        ("rows_touched", pa.int64()),
        ("customers_touched", pa.int64()),
        ("origins", pa.int64()),
        ("gain", pa.float64()),
        ("ci_low", pa.float64()),
        ("ci_high", pa.float64()),
        ("p_value", pa.float64()),
        ("worst_origin", pa.string()),
        ("worst_origin_gain", pa.float64()),
        *(
            (f"{name}_{part}", pa.float64())
            for name in _GAINS
            for part in ("gain", "ci_low", "ci_high")
        ),
        ("verdict", pa.string()),
        ("tested_at", pa.timestamp("us")),
        ("sql_hash", pa.string()),
    ]
)
_DECISION = pa.schema(
    [
        ("domain", pa.string()),
        ("name", pa.string()),
        ("decision", pa.string()),
        ("verdict", pa.string()),
        ("accepted_because", pa.string()),
        ("decided_at", pa.timestamp("us")),
    ]
)


@dataclass(frozen=True)
class Entry:
    """A test on record, and the verdict.

    Attributes:
        name: Correction.
        verdict: What was found.
        row: The columns of the record.
    """

    name: str
    verdict: Verdict
    row: dict[str, Any]


def keep_tests(home: Home, domain: str, tested: list[TestedCorrection]) -> list[Entry]:
    """Give each test its verdict, after Holm over all hypotheses tested in the domain; keep it.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        tested: Results of tests; of earlier tests of others the last one counts.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    p_values = {
        name: row["p_value"]
        for name, row in latest(home, domain).items()
        if row["p_value"] is not None
    }
    new = {found.correction.name for found in tested}
    p_values = {name: value for name, value in p_values.items() if name not in new}
    p_values |= {
        found.correction.name: found.judged.pooled.p_value for found in tested if found.judged
    }
    beyond = holm(p_values)
    entries = []
    for found in tested:
        name = found.correction.name
        verdict: Verdict
        if found.judged is not None:
            verdict = verdict_of(found.judged, is_beyond_noise=beyond[name])
        elif found.origins:
            verdict = "nothing to correct"
        else:
            verdict = "no history to judge by"
        row = _row(found, verdict, now)
        _write(home.corrections / domain / "tests" / f"{now:%Y%m%dT%H%M%S%f}_{name}.parquet", row)
        entries.append(Entry(name, verdict, row))
    return entries


def _row(found: TestedCorrection, verdict: Verdict, now: datetime) -> dict[str, Any]:
    correction, judged = found.correction, found.judged
    row: dict[str, Any] = dict.fromkeys(_TEST.names)
    row |= {
        "domain": correction.domain,
        "name": correction.name,
        "hypothesis": correction.wrong,
        "rows_touched": found.rows_touched,
        "customers_touched": found.customers_touched,
        "origins": found.origins,
        "verdict": verdict,
        "tested_at": now,
        "sql_hash": correction.sql_hash,
    }
    if judged is None:
        return row
    worst = min(judged.origins, key=lambda day: judged.origins[day].value)
    row |= {
        "gain": judged.pooled.value,
        "ci_low": judged.pooled.ci_low,
        "ci_high": judged.pooled.ci_high,
        "p_value": judged.pooled.p_value,
        "worst_origin": worst,
        "worst_origin_gain": judged.origins[worst].value,
    }
    for name in _GAINS:
        gain: Gain | None = getattr(judged, name)
        if gain is not None:
            row |= {
                f"{name}_gain": gain.value,
                f"{name}_ci_low": gain.ci_low,
                f"{name}_ci_high": gain.ci_high,
            }
    return row


def latest(home: Home, domain: str) -> dict[str, dict[str, Any]]:
    """Return the last test of each correction of a domain, by name."""
    found: dict[str, dict[str, Any]] = {}
    for path in sorted((home.corrections / domain / "tests").glob("*.parquet")):
        row: dict[str, Any] = pq.read_table(path).to_pylist()[0]
        found[row["name"]] = row
    return found


def keep_decision(home: Home, domain: str, name: str, decision: str, reason: str | None) -> None:
    """Keep that a correction was adopted or dropped, with the reason that stood in for a gain."""
    now = datetime.now(UTC).replace(tzinfo=None)
    row = {
        "domain": domain,
        "name": name,
        "decision": decision,
        "verdict": latest(home, domain).get(name, {}).get("verdict"),
        "accepted_because": reason,
        "decided_at": now,
    }
    folder = home.corrections / domain / "decisions"
    _write(folder / f"{now:%Y%m%dT%H%M%S%f}_{name}.parquet", row, _DECISION)


def decisions(home: Home, domain: str) -> list[dict[str, Any]]:
    """Return what was adopted and dropped in a domain, oldest first."""
    paths = sorted((home.corrections / domain / "decisions").glob("*.parquet"))
    return [pq.read_table(path).to_pylist()[0] for path in paths]


def _write(path: Path, row: dict[str, Any], schema: pa.Schema = _TEST) -> None:
    with replaced(path) as part:
        pq.write_table(pa.Table.from_pylist([row], schema=schema), part)
