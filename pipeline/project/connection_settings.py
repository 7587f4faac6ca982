"""Where a domain's rows are pulled from: the key `connection` of its entry."""

import re
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ml.settings import Settings, Text, wrong

# The address is in an environment variable of that name.
FROM_ENVIRONMENT = "env:"
# What the address of a folder in an object store begins with.
STORES = ("s3://", "gs://", "gcs://", "abfs://", "abfss://", "file://")
# A password in an address: behind the user's name, or in the query.
_PASSWORD = re.compile(r"://[^/@]*:[^/@]*@|[?&]password=", re.IGNORECASE)
_UNITS = {"minutes": 60, "minute": 60, "hours": 3600, "hour": 3600, "days": 86400, "day": 86400}
Overlap = Annotated[str, Field(pattern=r"^\d{1,9}( (minutes?|hours?|days?))?$")]
TableName = Annotated[str, Field(pattern=r"^[^.\s]+(\.[^.\s]+)?$")]
Names = Annotated[tuple[Text, ...], Field(min_length=1)]


def holds_password(url: str) -> bool:
    """Return whether an address has a password in it."""
    return _PASSWORD.search(url) is not None


class Becomes(Settings):
    """Values of a column that make an update an event of its own."""

    column: Text = Field(description="Column of the database that says what the row is")
    values: Names = Field(description="Values that a row becomes, such as refunded")


class ConnectedTable(Settings):
    """A table of the database, and the table of the sources YAML that its rows go to."""

    table: TableName = Field(description="Table or view of the database, as public.orders")
    key: Names | None = Field(default=None, description="Columns that identify a row")
    cursor: Text | None = Field(
        default=None,
        description="Column that rises with every insert and update: a time or a whole number. "
        "Without it the whole table is read each time",
    )
    overlap: Overlap = Field(
        default="1 day",
        description="How far before the last cursor a pull begins, for rows that were committed "
        "late: 2 days, 6 hours, 30 minutes, or a whole number where the cursor is one",
    )
    history: Literal["append_only"] | None = Field(
        default=None,
        description="append_only: rows from before the connection are history as it happened; "
        "needs a reason",
    )
    reason: Text | None = Field(
        default=None, description="Why the rows from before the connection were never overwritten"
    )
    snapshot: bool = Field(
        default=False,
        description="Whether the table says only what is true today; nothing learns from it",
    )
    deletes: Literal["window", "full"] = Field(
        default="window",
        description="Where deleted rows are looked for: among the keys that a pull reads anyway, "
        "or among all keys of the table",
    )
    becomes: Becomes | None = Field(
        default=None,
        description="Updates that are events, such as orders that become refunded: the row counts "
        "again, on the time of its cursor",
    )

    @property
    def overlap_units(self) -> tuple[int, bool]:
        """Seconds, or a whole number that is not a time; and whether it is a time."""
        number, _, unit = self.overlap.partition(" ")
        return int(number) * _UNITS.get(unit, 1), bool(unit)

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.history is not None and self.reason is None:
            raise wrong(
                "history",
                says="history is append_only without a reason.",
                hint="Say in `reason` why no row from before the connection was ever overwritten.",
            )
        if self.reason is not None and self.history is None:
            raise wrong("reason", says="reason goes with history: append_only.")
        if self.snapshot:
            for name in ("key", "cursor", "history", "becomes"):
                if getattr(self, name) is not None:
                    raise wrong(
                        name,
                        says=f"A snapshot has no {name}: it is read whole each time.",
                        hint=f"Remove {name}, or snapshot.",
                    )
        elif self.key is None:
            raise wrong(
                "key",
                says="The key is missing.",
                hint="Name the columns that identify a row: without them nobody can tell an update "
                "from a new row.",
            )
        if self.becomes is not None and self.cursor is None:
            raise wrong(
                "becomes",
                says="becomes needs a cursor.",
                hint="The time of the cursor is that of the event.",
            )
        return self


class ConnectionSettings(Settings):
    """The database or object store that a domain's rows come from. No model learns from it."""

    url: Text = Field(
        description="env: and the name of an environment variable with the address, or an address "
        "without a password: of a database, or of a folder in an object store (s3://, gs://, "
        "abfss://)"
    )
    tables: dict[Text, ConnectedTable] = Field(
        default={},
        description="Table of the sources YAML → table of the database. None for the folder of an "
        "object store: `files` in the sources YAML says which file is of which table",
    )

    @model_validator(mode="after")
    def _holds_no_secret(self) -> Self:
        if holds_password(self.url):
            raise wrong(
                "url",
                # the value itself is not repeated
                says="The address holds a password.",
                hint="Put the address into an environment variable and write env:ITS_NAME.",
            )
        if not self.url.startswith(FROM_ENVIRONMENT) and "://" not in self.url:
            raise wrong(
                "url",
                says="url is not an address.",
                hint="Write env:NAME of an environment variable, or postgresql://USER@HOST/DATABASE"
                ".",
            )
        return self

    @model_validator(mode="after")
    def _has_what_it_reads(self) -> Self:
        found = None if self.url.startswith(FROM_ENVIRONMENT) else self.misfit(self.url)
        if found is not None:
            raise wrong("tables", says=found[0], hint=found[1])
        return self

    def misfit(self, address: str) -> tuple[str, str] | None:
        """Return why the tables do not go with an address, and what to do; None if they do."""
        if is_store(address) and self.tables:
            return (
                "An object store has files and no tables.",
                "Remove tables: `files` in the sources YAML says which file is of which table.",
            )
        if not is_store(address) and not self.tables:
            return (
                "The tables of the database are missing.",
                "Write which table of the sources YAML is which table of the database.",
            )
        return None


def is_store(address: str) -> bool:
    """Return whether an address is one of an object store."""
    return address.startswith(STORES)
