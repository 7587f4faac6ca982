"""Files of small experiments whose results are known."""

import csv
import gzip
import io
from pathlib import Path

import duckdb


def write_csv(path, header, rows):
    text = io.StringIO(newline="")
    csv.writer(text).writerows([header, *rows])
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_counts(folder, counts):
    """Two files from (arm, stratum) → (customers, customers with the outcome)."""
    assigned, had = [], []
    for (arm, stratum), (customers, converted) in counts.items():
        ids = [f"{arm}-{stratum}-{number}" for number in range(customers)]
        assigned += [(one, arm, stratum) for one in ids]
        had += [(one, 1) for one in ids[:converted]]
    return (
        write_csv(folder / "assignments.csv", ("customer_id", "arm", "stratum"), assigned),
        write_csv(folder / "outcomes.csv", ("customer_id", "outcome"), had or [(ids[0], 0)]),
    )


def hillstrom_files(shared_data: Path, folder: Path, outcome: str):
    """Assignments and outcomes of the real e-mails, and numbers known before, as three files."""
    source = shared_data / "hillstrom" / "hillstrom.csv.gz"
    paths = [folder / name for name in ("assigned.csv", "had.parquet", "features.csv")]
    with duckdb.connect() as connection:
        connection.execute(
            "create table mails as select 'c' || row_number() over () as customer_id, * "
            f"from read_csv('{source}')"
        )
        for path, columns in zip(
            paths,
            (
                "customer_id, segment as arm",
                f"customer_id, {outcome} as outcome, spend as revenue",
                "customer_id, recency, history, mens, womens, newbie, "
                "zip_code = 'Urban' as is_urban, zip_code = 'Rural' as is_rural, "
                "channel = 'Web' as is_web, channel = 'Phone' as is_phone",
            ),
            strict=True,
        ):
            connection.execute(f"copy (select {columns} from mails) to '{path}'")
    return paths
