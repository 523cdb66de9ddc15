"""Writes all by which the records of one release are found: sets, orders and columns for filters, and the index of words."""

import sqlite3
from contextlib import ExitStack, closing
from pathlib import Path

from service.archive.fields import ArchiveFields
from service.archive.identifiers import PLURALS
from service.release import tables
from service.release.building.filter_index import FilterIndexWriter
from service.release.building.gathered import Gathered
from service.release.building.neighbourhood import Neighbourhood
from service.release.indexing import Indexer
from service.release.orders import ArrayWriter
from service.release.projection import PublicRecord
from service.release.tables import insert_statement
from service.release.text_index import IndexWriter


class Indexes:
    """The indexes of one release. Records come in the order of their ordinals. For one thread.

    Every method raises ReleaseError, sqlite3.Error or OSError where something cannot be written.
    """

    def __init__(self, folder: Path, database: sqlite3.Connection, language: str, fields: ArchiveFields) -> None:
        """`folder` is that of the release, which has what was gathered of the records. The tables of `database` take the sets
        and where arrays lie.
        """
        with ExitStack() as opened:
            gathered = opened.enter_context(closing(Gathered(folder, fields)))
            self._arrays = opened.enter_context(closing(ArrayWriter(folder)))
            self._words = opened.enter_context(closing(IndexWriter(folder, language, fields)))
            self._database = database
            self._filters = FilterIndexWriter(database, self._arrays, gathered)
            self._indexer = Indexer(fields, Neighbourhood(gathered, language))
            self._opened = opened.pop_all()

    def add(self, public: PublicRecord, ordinal: int, *, updated_at: str) -> None:
        """Take one record, and when it changed."""
        collection = PLURALS[public["record"]]
        entries = self._indexer.entries(public)
        self._filters.add(collection, ordinal, entries, updated_at=updated_at)
        places = self._filters.places(collection, ordinal)
        self._words.add(public, ordinal, entries, places=places, updated_at=updated_at)

    def finish(self) -> None:
        """Write everything out. Called once, after the last record."""
        self._filters.finish()
        self._database.executemany(insert_statement(tables.ArrayRow), self._arrays.rows)
        self._words.finish()

    def wait(self) -> None:
        """Everything is written: `finish` waited for it."""

    def close(self) -> None:
        """Stop, finished or not: nothing writes when this returns."""
        self._opened.close()
