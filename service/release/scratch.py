"""What a publication has to remember or sort: a database in the staging folder that is thrown away.

So memory does not grow with the archive. Knows what a public record is, and nothing of the release being built.
"""

import sqlite3
from array import array
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from service.archive.model import PLURALS, PREFIXES, Head
from service.release.documents import shown_label
from service.release.indexing import date_of, text_of
from service.release.projection import PublicRecord, canonical_line, public_head

#: Rows written to a database at a time. Larger batches gain nothing; smaller ones cost calls.
BATCH = 500
#: How many places, topics and labels are kept at hand while rendering.
KEPT_AT_HAND = 20_000
#: Page cache of each database while publishing, in KiB.
CACHE_KIB = 20_000


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open a database for writing without a journal: a publication that fails is thrown away whole."""
    connection = sqlite3.connect(path, isolation_level=None)
    for pragma in (
        "journal_mode = OFF",
        "synchronous = OFF",
        "locking_mode = EXCLUSIVE",
        "temp_store = FILE",
        f"cache_size = -{CACHE_KIB}",
    ):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("BEGIN")
    return connection


class Scratch:
    """The public records of the archive being published, in the order of their identifiers."""

    _SCHEMA = (
        """CREATE TABLE record (
            id TEXT PRIMARY KEY, line BLOB, label TEXT, detail TEXT, parent TEXT, latitude REAL, longitude REAL,
            by_text TEXT, by_date TEXT
        )""",
        "CREATE TABLE response (party TEXT, id TEXT, PRIMARY KEY (party, id)) WITHOUT ROWID",
        'CREATE TABLE withdrawn (id TEXT PRIMARY KEY, "on" TEXT) WITHOUT ROWID',
        "CREATE TABLE keyed (ordinal INTEGER PRIMARY KEY, by_text TEXT, by_date TEXT)",
    )

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = connect_to_write(path)
        for statement in self._SCHEMA:
            self.connection.execute(statement)
        self._records: list[tuple[Any, ...]] = []

    def close(self) -> None:
        self.connection.close()

    def add(self, public: PublicRecord) -> None:
        """Keep one public record, with what others show of it at hand."""
        row = (
            public["id"],
            canonical_line(public),
            shown_label(public),
            public.get("publisher") or public.get("country"),
            public.get("part_of") or public.get("broader"),
            public.get("latitude"),
            public.get("longitude"),
            text_of(public),
            date_of(public),
        )
        self._records.append(row)
        if public["record"] == "response":
            self.connection.execute("INSERT OR REPLACE INTO response VALUES (?, ?)", (public["party"], public["id"]))
        if len(self._records) >= BATCH:
            self.flush()

    def withdraw(self, withdrawal: PublicRecord) -> None:
        """Keep a withdrawal. The first day given for an identifier stands."""
        self.connection.execute("INSERT OR IGNORE INTO withdrawn VALUES (?, ?)", (withdrawal["id"], withdrawal["on"]))

    def flush(self) -> None:
        self.connection.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", self._records)
        self._records.clear()

    def count(self) -> int:
        [(number,)] = self.connection.execute("SELECT count(*) FROM record")
        return int(number)

    def rows(self) -> Iterator[tuple[bytes, str, str, str]]:
        """Yield canonical line, label and sort keys of every record by identifier, which is by type and identifier: the
        alphabetical order of the identifiers' prefixes is that of the types' names.
        """
        yield from self.connection.execute("SELECT line, label, by_text, by_date FROM record ORDER BY id")

    def canonical_lines(self, head: Head) -> Iterator[bytes]:
        """Yield the public archive in canonical form. Notes on the way what each record is sorted by."""
        yield canonical_line(public_head(head))
        keys: list[tuple[int, str, str]] = []
        for ordinal, (line, _, by_text, by_date) in enumerate(self.rows(), 1):
            yield line
            keys.append((ordinal, by_text, by_date))
            if len(keys) >= BATCH:
                self._keep_keys(keys)
        self._keep_keys(keys)
        for record_id, day in self.withdrawals():
            yield canonical_line({"record": "withdrawn", "id": record_id, "on": day})

    def _keep_keys(self, keys: list[tuple[int, str, str]]) -> None:
        self.connection.executemany("INSERT INTO keyed VALUES (?, ?, ?)", keys)
        keys.clear()

    def in_order(self, key: str, first: int, size: int) -> "array[int]":
        """Return the ordinals of a collection's records in the order of a key, `by_text` or `by_date`. After
        `canonical_lines`.
        """
        rows = self.connection.execute(
            f"SELECT ordinal FROM keyed WHERE ordinal >= ? AND ordinal < ? ORDER BY {key}, ordinal",  # noqa: S608
            (first, first + size),
        )
        return array("I", (row[0] for row in rows))

    def withdrawals(self) -> list[tuple[str, str]]:
        """Return identifier and day of every withdrawal, by identifier."""
        return self.connection.execute('SELECT id, "on" FROM withdrawn ORDER BY id').fetchall()

    def collections(self) -> dict[str, tuple[int, int]]:
        """Return the first ordinal and the number of records of every collection."""
        spans: dict[str, tuple[int, int]] = {}
        first = 1
        for prefix, size in self.connection.execute("SELECT substr(id, 1, 3), count(*) FROM record GROUP BY 1"):
            spans[prefix] = (first, size)
            first += size
        return {PLURALS[kind]: spans.get(prefix, (first, 0)) for kind, prefix in PREFIXES.items()}


class Neighbourhood:
    """Labels, trees and responses of the archive being published, looked up in the scratch database.

    Is what `documents.Surroundings` and `indexing.Hierarchies` ask for.
    """

    def __init__(self, scratch: Scratch, language: str) -> None:
        #: The archive's own language.
        self.language = language
        self._ask = scratch.connection.execute
        keep = lru_cache(KEPT_AT_HAND)
        self._row = keep(self._row)  # type: ignore[method-assign]
        self.place_and_around = keep(self._with_parents)
        self.topic_and_broader = self.place_and_around
        self.country = keep(self._country)
        self.responses_of = keep(self._responses_of)

    def _row(self, record_id: str) -> tuple[Any, ...]:
        statement = "SELECT label, detail, parent, latitude, longitude FROM record WHERE id = ?"
        row: tuple[Any, ...] = self._ask(statement, (record_id,)).fetchone()
        return row

    def label(self, record_id: str) -> str:
        return str(self._row(record_id)[0])

    def publisher(self, source_id: str) -> str | None:
        publisher: str | None = self._row(source_id)[1]
        return publisher

    def point(self, place_id: str) -> tuple[float, float] | None:
        *_, latitude, longitude = self._row(place_id)
        return None if latitude is None else (latitude, longitude)

    def _with_parents(self, record_id: str) -> tuple[str, ...]:
        chain = [record_id]
        while (parent := self._row(chain[-1])[2]) is not None:
            chain.append(parent)
        return tuple(chain)

    def _country(self, place_id: str) -> str | None:
        stated: Iterable[str | None] = (self._row(place)[1] for place in self.place_and_around(place_id))
        return next((country for country in stated if country is not None), None)

    def _responses_of(self, agent_id: str) -> list[PublicRecord]:
        rows = self._ask(
            "SELECT line FROM response JOIN record USING (id) WHERE party = ? ORDER BY response.id", (agent_id,)
        )
        return [orjson.loads(row[0]) for row in rows]
