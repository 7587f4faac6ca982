"""Paths: the project's folder and the folders of CHURN_HOME."""

import os
from dataclasses import dataclass
from pathlib import Path

from pipeline.project.errors import ChurnError

PROJECT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Home:
    """The folders of one CHURN_HOME.

    Durable: raw, landing, lake, labels, history, corrections, models, published, state, drafts,
    nights, status, secrets, deliveries. Disposable: warehouse, features, work, dbt_target,
    state_export.
    """

    root: Path

    @property
    def raw(self) -> Path:
        """Raw files that the demo writes; your own files can be anywhere."""
        return self.root / "raw"

    @property
    def landing(self) -> Path:
        """Rows that were pulled from databases: files for ingest, and later changes of rows."""
        return self.root / "landing"

    @property
    def lake(self) -> Path:
        """Typed Parquet, one folder per domain, table and raw file."""
        return self.root / "lake"

    @property
    def quarantine(self) -> Path:
        """Values that ingest refused, with file, line, column and reason."""
        return self.root / "quarantine"

    @property
    def labels(self) -> Path:
        """Frozen labels, one Parquet file per domain, definition, cohort and version."""
        return self.root / "labels"

    @property
    def features(self) -> Path:
        """The features of a cut-off, written once, one Parquet file per domain and cut-off."""
        return self.root / "features"

    @property
    def history(self) -> Path:
        """What was published of each customer, one Parquet file per domain and cut-off."""
        return self.root / "history"

    @property
    def corrections(self) -> Path:
        """What was found of corrections, one Parquet file per test, and what was decided."""
        return self.root / "corrections"

    @property
    def models(self) -> Path:
        """One folder per training run: model, recipe, metrics, scores, drivers."""
        return self.root / "models"

    @property
    def published(self) -> Path:
        """Generations that readers open; `current.json` names the one that is published."""
        return self.root / "published"

    @property
    def warehouse(self) -> Path:
        """The private database that dbt builds; any run can rebuild it."""
        return self.root / "warehouse.duckdb"

    @property
    def datasets(self) -> Path:
        """Frozen modelling data, one folder per domain and name; never changes."""
        return self.root / "datasets"

    @property
    def proofs(self) -> Path:
        """The last result of `churn prove`, one JSON file per domain."""
        return self.root / "proofs"

    @property
    def nights(self) -> Path:
        """The record of every run, one JSON file each."""
        return self.root / "nights"

    @property
    def status(self) -> Path:
        """How the last `churn nightly` ended, as JSON."""
        return self.root / "status.json"

    @property
    def dev_warehouse(self) -> Path:
        """Database of `churn dev`, built on a sample of customers; disposable."""
        return self.root / "dev.duckdb"

    @property
    def dev_copy(self) -> Path:
        """A copy of it to query; the next build replaces the file."""
        return self.root / "dev_copy.duckdb"

    @property
    def state(self) -> Path:
        """People's decisions: suppressions, contacts, saved plans; SQLite in WAL mode."""
        return self.root / "state.sqlite"

    @property
    def state_export(self) -> Path:
        """The state as Parquet, exported before the models that read it are built; disposable."""
        return self.root / "state"

    @property
    def drafts(self) -> Path:
        """The customers of saved drafts of plans, one Parquet file per domain and draft."""
        return self.root / "drafts"

    @property
    def people(self) -> Path:
        """Who may use the viewer: roles and hashes of passwords; only its owner may read it."""
        return self.root / "people.json"

    @property
    def secrets(self) -> Path:
        """Secrets that sign messages to receivers; only its owner may read it."""
        return self.root / "secrets.json"

    @property
    def deliveries(self) -> Path:
        """Messages of campaigns handed over as files, one folder per domain and campaign."""
        return self.root / "deliveries"

    @property
    def batch(self) -> Path:
        """One folder per batch prediction: raw rows until it is done, results for some days."""
        return self.root / "batch"

    @property
    def demo_truth(self) -> Path:
        """The demo's hidden probabilities; only the oracle score reads them."""
        return self.root / "demo_truth"

    @property
    def work(self) -> Path:
        """Scratch space on the same file system; its users empty it."""
        return self.root / "scratch"

    @property
    def dbt_target(self) -> Path:
        """dbt's artefacts: manifest, compiled SQL, run results."""
        return self.root / "dbt" / "target"

    @property
    def compiled(self) -> Path:
        """The SQL that dbt compiled and that is run again elsewhere."""
        return self.root / "dbt" / "compiled"

    @property
    def dbt_logs(self) -> Path:
        """dbt's logs."""
        return self.root / "dbt" / "logs"


def home() -> Home:
    """Return the Home of the variable CHURN_HOME, by default `./data`. Creates nothing.

    Raises:
        ChurnError: Its path has a character that a part of the platform takes for something else.
    """
    root = Path(os.environ.get("CHURN_HOME", "data")).expanduser().resolve()
    for character, because in _UNFIT.items():
        if character in str(root):
            raise ChurnError(
                f"CHURN_HOME has a {character} in its path: {because}.",
                where=str(root),
                hint="Rename the folder, or set CHURN_HOME to another one.",
            )
    return Home(root)


_UNFIT = {
    "?": "dbt takes what follows for options",
    "#": "dbt takes what follows for options",
    "\\": "DuckDB takes it for a sign of its patterns",
}
