"""Reads a generation's look-ups, a SQLite file with a document per customer, and checks each row.

`pipeline.publish.customer_documents` writes them.
"""

import json
import sqlite3
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.project.errors import ChurnError

# Customers asked for in one statement.
_BATCH = 5_000


class DamagedLookUpsError(ChurnError):
    """A file of look-ups is cut off, or a row of it has changed."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The look-ups of {path.stem} are damaged.",
            where=path.name,
            hint="Run churn publish: it writes a new generation.",
        )


def checksum(*texts: str) -> int:
    """Return the CRC-32 of a row's texts; SQLite does not notice a bit that has flipped."""
    return zlib.crc32("\n".join(texts).encode("utf-8", "surrogatepass"))


class LookUps:
    """An open file of look-ups; one request at a time.

    Attributes:
        shapes: Part of a document → its columns, in the order of its values.

    Args:
        path: The file.

    Raises:
        DamagedLookUpsError: It is not whole.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shapes: dict[str, list[str]] = {}
        try:
            # immutable: a published file never changes, so SQLite needs no locks or checks
            self._connection = sqlite3.connect(
                f"{path.as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
            columns = self._connection.execute("select name from pragma_table_info('customers')")
            # look-ups from before they had one are not checked
            self._checksum = "checksum" if ("checksum",) in columns.fetchall() else "null"
            for part, names, kept in self._connection.execute(
                f"select part, columns, {self._checksum} from shapes"
            ):
                if kept not in (None, checksum(part, names)):
                    raise DamagedLookUpsError(path)
                self.shapes[part] = json.loads(names)
        except (sqlite3.DatabaseError, UnicodeDecodeError) as error:
            raise DamagedLookUpsError(path) from error

    def find(self, domain: str, customers: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield customer and document, for those of the customers who have one.

        Raises:
            DamagedLookUpsError: A row is damaged.
        """
        try:
            for start in range(0, len(customers), _BATCH):
                batch = customers[start : start + _BATCH]
                marks = ", ".join("?" * len(batch))
                for customer, document, kept in self._connection.execute(
                    f"select customer_id, document, {self._checksum} from customers "
                    f"where domain = ? and customer_id in ({marks})",
                    (domain, *batch),
                ):
                    if kept not in (None, checksum(domain, customer, document)):
                        raise DamagedLookUpsError(self._path)
                    yield customer, document
        except (sqlite3.DatabaseError, UnicodeDecodeError, TypeError, AttributeError) as error:
            # a changed type is not text
            raise DamagedLookUpsError(self._path) from error

    def check_all(self) -> None:
        """Read every row.

        Raises:
            DamagedLookUpsError: One is damaged.
        """
        try:
            for domain, customer, document, kept in self._connection.execute(
                f"select domain, customer_id, document, {self._checksum} from customers"
            ):
                if kept not in (None, checksum(domain, customer, document)):
                    raise DamagedLookUpsError(self._path)
        except (sqlite3.DatabaseError, UnicodeDecodeError, TypeError, AttributeError) as error:
            raise DamagedLookUpsError(self._path) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
