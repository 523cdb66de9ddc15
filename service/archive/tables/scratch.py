"""What compiling tables has to remember beyond a row: rows of parts, labels of records, and where each came from.

A scratch database on the disk, so that memory does not grow with the tables.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import orjson

from service.archive.identifiers import RecordType

_TABLES = """
CREATE TABLE part (record TEXT, within TEXT, list TEXT, shown TEXT, row INTEGER, value BLOB);
CREATE TABLE label (label TEXT, type TEXT, id TEXT);
"""


class Scratch:
    """A scratch database in a folder for temporary files."""

    def __init__(self, folder: Path) -> None:
        self._database = sqlite3.connect(folder / "tables.sqlite", isolation_level=None)
        self._database.executescript("PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;" + _TABLES)
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._database.close()

    def add_parts(self, rows: Iterable[tuple[str, str, str, str, int, bytes]]) -> None:
        """Remember rows of parts: the record, where in it, the list, the table, the row, and the part as JSON."""
        self._database.executemany("INSERT INTO part VALUES (?, ?, ?, ?, ?, ?)", rows)

    def add_labels(self, rows: Iterable[tuple[str, RecordType, str]]) -> None:
        """Remember what records are called, and their identifiers themselves as labels."""
        self._database.executemany("INSERT INTO label VALUES (?, ?, ?)", rows)

    def identifiers(self, kind: RecordType) -> Iterator[str]:
        """Yield the identifiers of a type of record."""
        for (identifier,) in self._database.execute("SELECT id FROM label WHERE type = ?", (kind,)):
            yield identifier

    def index_labels(self) -> None:
        """Make questions by label fast, once all are there."""
        self._database.execute("CREATE INDEX label_of ON label (label, type)")

    def index_parts(self) -> None:
        """Make questions by record fast, once all parts are there."""
        self._database.execute("CREATE INDEX part_of ON part (record, within, list)")

    def named(self, label: str, types: Iterable[RecordType]) -> list[str]:
        """Return the identifiers of the records of some types that are called so, two at most."""
        marks = ", ".join("?" * len(wanted := tuple(types)))
        asked = f"SELECT DISTINCT id FROM label WHERE label = ? AND type IN ({marks}) LIMIT 2"  # noqa: S608 - marks only
        return [identifier for (identifier,) in self._database.execute(asked, (label, *wanted))]

    def parts(self, record: str) -> Iterator[tuple[str, str, str, int, Any]]:
        """Yield the parts of a record in order: where in it, the list, the table, the row, and the part."""
        asked = "SELECT within, list, shown, row, value FROM part WHERE record = ? ORDER BY rowid"
        for within, name, shown, row, value in self._database.execute(asked, (record,)):
            yield within, name, shown, row, orjson.loads(value)

    def place(self, record: str, within: str, name: str, number: int) -> tuple[str, int] | None:
        """Return the table and the row of a part, by its place in its list."""
        asked = (
            "SELECT shown, row FROM part WHERE record = ? AND within = ? AND list = ? ORDER BY rowid LIMIT 1 OFFSET ?"
        )
        found: tuple[str, int] | None = self._database.execute(asked, (record, within, name, number)).fetchone()
        return found

    def has_parts(self) -> bool:
        """Tell whether there is any part."""
        return self._database.execute("SELECT 1 FROM part LIMIT 1").fetchone() is not None

    def strangers(self) -> Iterator[tuple[str, int]]:
        """Yield the table and the first row of parts whose record is in no table."""
        yield from self._database.execute(
            "SELECT shown, min(row) FROM part WHERE record NOT IN (SELECT id FROM label) GROUP BY record"
        )

    def is_known(self, identifier: str) -> bool:
        """Tell whether a record table has this identifier."""
        asked = "SELECT 1 FROM label WHERE label = ? LIMIT 1"
        return self._database.execute(asked, (identifier,)).fetchone() is not None
