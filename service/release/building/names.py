"""Writes the tables of names: labels, completions for the search box, and where each record's canonical line begins."""

import sqlite3
from collections.abc import Iterable

from service.archive.fields import ArchiveFields
from service.archive.identifiers import PLURALS
from service.archive.model import Head
from service.release import tables
from service.release.building.scratch import BATCH
from service.release.labels import own_language, translated_labels
from service.release.projection import PublicRecord, canonical_line, public_head
from service.release.searched_texts import completion_keys, names_of
from service.release.tables import insert_statement


class NameWriter:
    """Writes the names of one release. Records come in the order of their ordinals.

    Names are first collected in temporary tables of the release's database, so that SQLite sorts them and no memory is
    needed for them here.
    """

    def __init__(self, database: sqlite3.Connection, head: Head, fields: ArchiveFields) -> None:
        self.database = database
        self._fields = fields
        self._language = head.language
        self.offset = len(canonical_line(public_head(head)))
        self._lines: list[tuple[int, int, int]] = []
        self._labels: list[tuple[str, str]] = []
        self._translated: list[tuple[str, str, str, str]] = []
        self._label_languages: set[tuple[str, str, bool]] = set()
        self._names: list[tuple[str, str, int]] = []
        self.database.execute("CREATE TEMP TABLE named (collection TEXT, text TEXT, record INTEGER)")

    def add(self, public: PublicRecord, ordinal: int, length: int, label: str) -> None:
        self._lines.append((ordinal, self.offset, length))
        self.offset += length
        self._labels.append((public["id"], label))
        if translated := translated_labels(public):
            own = own_language(public, self._language)
            self._translated += ((public["id"], language, text, own) for language, text in translated.items())
        collection = PLURALS[public["record"]]
        names = dict.fromkeys(names_of(public, self._fields[public["record"]]))
        self._names += ((collection, name, ordinal) for name in names)
        if len(self._lines) >= BATCH:
            self._flush()

    def add_label_languages(self, collection: str, languages: Iterable[tuple[str, bool]]) -> None:
        """Take the languages of labels that are shown in a record: each with whether labels are written in it."""
        self._label_languages.update([(collection, *each) for each in languages])

    def _flush(self) -> None:
        self.database.executemany(insert_statement(tables.LineRow), self._lines)
        self.database.executemany(insert_statement(tables.LabelRow), self._labels)
        self.database.executemany(insert_statement(tables.TranslatedLabelRow), self._translated)
        self.database.executemany("INSERT INTO temp.named VALUES (?, ?, ?)", self._names)
        for rows in (self._lines, self._labels, self._translated, self._names):
            rows.clear()

    def finish(self) -> None:
        """Count and sort the names into the release."""
        self._flush()
        self.database.executemany(insert_statement(tables.LabelLanguageRow), sorted(self._label_languages))
        # A NULL key makes SQLite number the rows, from 1.
        self.database.execute(
            "INSERT INTO name SELECT NULL, collection, text, count(*), iif(count(*) = 1, min(record), NULL)"
            " FROM temp.named GROUP BY 2, 3 ORDER BY 2, 3"
        )
        self.database.execute("DROP TABLE temp.named")
        self.database.execute("CREATE TEMP TABLE completed (key TEXT, name INTEGER)")
        for (collection,) in self.database.execute("SELECT DISTINCT collection FROM name ORDER BY 1").fetchall():
            self._complete(collection)
        self.database.execute("DROP TABLE temp.completed")

    def _complete(self, collection: str) -> None:
        names = self.database.execute("SELECT id, text FROM name WHERE collection = ?", (collection,))
        keys = ((key, name) for name, text in names for key in completion_keys(text))
        self.database.executemany("INSERT INTO temp.completed VALUES (?, ?)", keys)
        self.database.execute(
            "INSERT INTO completion SELECT ?, key, name FROM temp.completed ORDER BY key, name", (collection,)
        )
        self.database.execute("DELETE FROM temp.completed")
