"""Reads a domain of a CHURN_HOME: raw rows in the lake, and the tables of the build."""

import json
import os

import duckdb
import pandas as pd

from pipeline.ingest.lake import records
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.duck import parquet_select, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home, home
from pipeline.project.sources import SourceTable, source_tables
from pipeline.runs.registry import live_settings

# Maximum rows for a query that needs all rows in memory; larger tables are sampled.
MOST_ROWS = 20_000_000


class Exploration:
    """One domain of a CHURN_HOME, read by SQL; missing tables are empty.

    Schema `lake` has the raw tables as ingest typed them, empty without files. Tables of the build
    are `warehouse.<schema>.<table>`; `has` returns whether one exists. The warehouse is open only
    during a query, so that an open notebook does not block a run.

    Attributes:
        domain: Domain.
        home: CHURN_HOME.
        entry: The domain's settings, those that the live run recorded above today's.
        tables: Raw tables of the domain's YAML.
    """

    def __init__(self, domain: str, where: Home | None = None) -> None:
        entries = domain_entries()
        self.domain = check_domain(domain, entries)
        self.home = where or (home() if "CHURN_HOME" in os.environ else Home(PROJECT / "data"))
        self.entry = live_settings(self.home, domain, entries[domain]).resolved()
        self.tables = source_tables(domain)
        self._connection = duckdb.connect(config={"temp_directory": str(self.home.work)})
        self._connection.execute("create schema lake")
        for table in self.tables:
            self._connection.execute(self._view(table))

    def sql(self, query: str) -> pd.DataFrame:
        """Return the rows of a query.

        Raises:
            ChurnError: A run is writing the warehouse.
        """
        if not self.home.warehouse.exists():
            return self._rows(query)
        try:
            self._connection.execute(
                f"attach {quoted(self.home.warehouse)} as warehouse (read_only)"
            )
        except duckdb.IOException as problem:
            raise ChurnError(
                "Another command is writing the warehouse.",
                where=str(problem).splitlines()[0],
                hint="Wait for it to finish, then run the cell again.",
            ) from problem
        try:
            return self._rows(query)
        finally:
            self._connection.execute("detach warehouse")

    def has(self, relation: str) -> bool:
        """Return whether the last build has `schema.table`, or the lake table has rows.

        Args:
            relation: `lake.<table>`, or schema and table in the warehouse.
        """
        schema, _, name = relation.partition(".")
        if schema == "lake":
            return not self.sql(f"select 1 as one from {relation} limit 1").empty
        if not self.home.warehouse.exists():
            return False
        found = self.sql(
            "select count(*) as n from information_schema.tables where table_catalog = 'warehouse' "
            f"and table_schema = '{schema}' and table_name = '{name}'"
        )
        return bool(found.n.iloc[0])

    @property
    def origin(self) -> str:
        """Origin of the files: `demo` or what ingest recorded; `nothing` without files."""
        path = self.home.lake / self.domain / "_origin.json"
        return str(json.loads(path.read_text())["origin"]) if path.exists() else "nothing"

    @property
    def newest_closed(self) -> pd.Timestamp | None:
        """Newest cut-off with all outcomes known under the label in use; None without one."""
        examples = f"{self.domain}.{self.domain}__churn_examples"
        if not self.has(examples):
            return None
        day = self.sql(
            f"select max(as_of_date) as day from warehouse.{examples} where is_churned is not null"
        ).day.iloc[0]
        return None if pd.isna(day) else pd.Timestamp(day)

    def one_in(self, table: str, most: int = MOST_ROWS) -> int:
        """Return k such that a sample of one in k customers stays within a number of rows."""
        rows = int(self.sql(f"select count(*) as n from lake.{table}").n.iloc[0])
        return max(1, -(-rows // most))

    def coverage(self) -> pd.DataFrame:
        """Return one row per raw table: files, rows, customers, time span, quarantined rows.

        Customers of a table of more than 20 million rows are counted on a sample of the ids.
        """
        found = []
        for table in self.tables:
            files = list(records(self.home, self.domain, table.name).values())
            if table.known_from and not files:
                continue  # a map of ids, which most do not have, is not missing
            day = table.event_day or table.event_time
            span = f"min({day})::date, max({day})::date" if day else "null::date, null::date"
            # all ids of hundreds of millions of rows would not fit into memory
            one_in = self.one_in(table.identifier)
            ids = f"{one_in} * count(distinct {table.id_column}) "
            ids += f"filter (where hash({table.id_column}) % {one_in} = 0)"
            row = self.sql(
                f"select count(*) as n, {ids} as customers, unnest([{span}]) as day "
                f"from lake.{table.identifier}"
            )
            found.append(
                {
                    "table": table.name,
                    "files": len(files),
                    "rows": int(row.n.iloc[0]),
                    "customers": int(row.customers.iloc[0]),
                    "first day": row.day.iloc[0],
                    "last day": row.day.iloc[1],
                    "in quarantine": sum(record.quarantined for record in files),
                    "repeated rows left out": sum(record.duplicates for record in files),
                }
            )
        return pd.DataFrame(found)

    def _rows(self, query: str) -> pd.DataFrame:
        result = self._connection.execute(query)
        # counts and sums are wider than pandas' integers and would become doubles
        wide = [name for name, kind, *_ in result.description or () if str(kind) == "HUGEINT"]
        frame: pd.DataFrame = result.df()
        whole = [name for name in wide if frame[name].notna().all()]
        return frame.astype(dict.fromkeys(whole, "int64"))

    def _view(self, table: SourceTable) -> str:
        files = sorted((self.home.lake / self.domain / table.name).glob("**/*.parquet"))
        columns = {column.name: column.data_type for column in table.columns}
        rows = parquet_select(self._connection, files, columns)
        return f"create view lake.{table.identifier} as {rows}"
