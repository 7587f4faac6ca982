"""A run's folder: Parquet tables in the shapes of dbt's `ml` sources, and the model."""

import json
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import duckdb
import lightgbm as lgb
import pandas as pd
import pyarrow.parquet as pq

from ml.calibrate import Calibration
from ml.recipe import RECIPE, Recipe, TrainedRun


def write_table(
    connection: duckdb.DuckDBPyConnection, folder: Path, table: str, columns: Mapping[str, Any]
) -> None:
    """Write `<folder>/<table>.parquet` with exactly the columns and types of `ml.<table>`.

    Args:
        connection: The warehouse, in which dbt has created `ml.<table>`.
        folder: Folder of the run or of one scored cut-off.
        table: Table of the dbt source `ml`.
        columns: Column → array of n values or one value for all rows.

    Raises:
        ValueError: A column is missing or unknown.
    """
    write_parts(connection, folder, table, [columns])


def write_parts(
    connection: duckdb.DuckDBPyConnection,
    folder: Path,
    table: str,
    parts: Iterable[Mapping[str, Any]],
) -> None:
    """Write the same table from its rows in parts, of which one is in memory at a time.

    Args:
        connection: As above.
        folder: As above.
        table: As above.
        parts: Columns of each part, one part at least.

    Raises:
        ValueError: A column is missing or unknown.
    """
    shape = connection.execute(f"describe ml.{table}").fetchall()
    wanted = {row[0] for row in shape}
    casts = ", ".join(f'cast("{name}" as {kind}) as "{name}"' for name, kind, *_ in shape)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{table}.parquet"
    with ExitStack() as stack:
        writer = None
        for columns in parts:
            if odd := wanted ^ set(columns):
                raise ValueError(
                    f"The columns written to ml.{table} differ from its own in "
                    f"{', '.join(sorted(odd))}"
                )
            connection.register("rows_to_write", pd.DataFrame(dict(columns)))
            try:
                rows = connection.sql(f"select {casts} from rows_to_write").to_arrow_table()
            finally:
                connection.unregister("rows_to_write")
            if writer is None:
                writer = stack.enter_context(
                    pq.ParquetWriter(path.with_suffix(".part"), rows.schema, compression="zstd")
                )
            writer.write_table(rows)
    path.with_suffix(".part").replace(path)


def save_model(folder: Path, booster: lgb.Booster, recipe: Recipe) -> None:
    """Write `model.txt` and `recipe.json`."""
    (folder / "model.txt").write_text(booster.model_to_string())
    document = recipe.model_dump(mode="json", by_alias=True)
    (folder / RECIPE).write_text(json.dumps(document, indent=2, sort_keys=True) + "\n")


def load_model(run: TrainedRun) -> tuple[lgb.Booster, Calibration]:
    """Load a run's live model and its calibration."""
    booster = lgb.Booster(model_str=(run.folder / "model.txt").read_text())
    return booster, Calibration.of(run.recipe.calibration)
