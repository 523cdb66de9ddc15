"""Writes labels, completions, and where each record's line lies in the canonical archive."""

import sqlite3

from service.archive.model import PLURALS, Head
from service.release import tables
from service.release.projection import PublicRecord, canonical_line, public_head
from service.release.scratch import BATCH, Scratch
from service.release.tables import insert_statement
from service.release.text_index import completion_keys, names_of


class NameWriter:
    """Writes the names of one release. Records come in the order of their ordinals."""

    def __init__(self, database: sqlite3.Connection, scratch: Scratch, head: Head) -> None:
        self.database = database
        self.scratch = scratch.connection
        self.offset = len(canonical_line(public_head(head)))
        self._lines: list[tuple[int, int, int]] = []
        self._labels: list[tuple[str, str]] = []
        self._names: list[tuple[str, str]] = []
        self.scratch.execute("CREATE TABLE named (collection TEXT, text TEXT)")

    def add(self, public: PublicRecord, ordinal: int, length: int, label: str) -> None:
        self._lines.append((ordinal, self.offset, length))
        self.offset += length
        self._labels.append((public["id"], label))
        collection = PLURALS[public["record"]]
        self._names += ((collection, name) for name in dict.fromkeys(names_of(public)))
        if len(self._lines) >= BATCH:
            self._flush()

    def _flush(self) -> None:
        self.database.executemany(insert_statement(tables.LineRow), self._lines)
        self.database.executemany(insert_statement(tables.LabelRow), self._labels)
        self.scratch.executemany("INSERT INTO named VALUES (?, ?)", self._names)
        for rows in (self._lines, self._labels, self._names):
            rows.clear()

    def finish(self) -> None:
        """Count and sort the names into the release."""
        self._flush()
        self.scratch.execute("CREATE TABLE completed (collection TEXT, key TEXT, name INTEGER)")
        grouped = self.scratch.execute("SELECT collection, text, count(*) FROM named GROUP BY 1, 2 ORDER BY 1, 2")
        number = 0
        while batch := grouped.fetchmany(BATCH):
            names = [(number + place, *row) for place, row in enumerate(batch, 1)]
            number += len(batch)
            self.database.executemany(insert_statement(tables.NameRow), names)
            keys = ((collection, key, name) for name, collection, text, _ in names for key in completion_keys(text))
            self.scratch.executemany("INSERT INTO completed VALUES (?, ?, ?)", keys)
        completed = self.scratch.execute("SELECT collection, key, name FROM completed ORDER BY 1, 2, 3")
        self.database.executemany(insert_statement(tables.completion), completed)
