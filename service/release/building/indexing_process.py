"""Makes the indexes in a second process while the first one renders documents, so that publishing uses two cores.

The second process reads records from the disk, and is told through a pipe how far it may read, and when each changed. It ends
when its parent ends, also when that is killed.
"""

import multiprocessing
import sqlite3
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Protocol

import orjson

from service.archive.declarations import Stated
from service.archive.dividing import begin_beside
from service.archive.fields import archive_fields
from service.errors import ReleaseError
from service.release import tables
from service.release.building.indexes import Indexes
from service.release.building.scratch import connect_to_write, sorting_in
from service.release.manifest import CANONICAL
from service.release.projection import PublicRecord
from service.release.tables import table_of, table_statements

#: Records that are told through the pipe at a time.
BATCH = 200
#: The database of the second process, until its tables are taken over.
INDEXES = "indexes.sqlite"
#: The tables that it fills.
_FILLED = (table_of(tables.TermRow).name, tables.placed_term.name, table_of(tables.ArrayRow).name)


class Indexing(Protocol):
    """Takes records in the order of their ordinals and makes the indexes of a release, as `Indexes` does."""

    def add(self, public: PublicRecord, ordinal: int, /, *, updated_at: str) -> None:
        """Take one record, and when it changed."""

    def finish(self) -> None:
        """Write everything out, or begin to. Called once, after the last record."""

    def wait(self) -> None:
        """Wait until everything is written, into the tables of the release too."""

    def close(self) -> None:
        """Stop, finished or not: nothing writes when this returns."""


class IndexBeside:
    """Indexes in a second process. Every method raises ReleaseError, or sqlite3.Error for the database of the release."""

    def __init__(self, folder: Path, database: sqlite3.Connection, language: str, declared: Stated) -> None:
        """`folder` is that of the release, `declared` are the archive's own fields. See `Indexes` for the rest."""
        self._folder = folder
        self._database = database
        # Spawned, not forked: this process may have threads, and a fork would copy the locks that they hold.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_index, args=(theirs, folder, language, declared), daemon=True)
        self._process.start()
        theirs.close()
        self._batch: list[str] = []

    def add(self, _public: PublicRecord, _ordinal: int, *, updated_at: str) -> None:
        self._batch.append(updated_at)
        if len(self._batch) >= BATCH:
            self._hand_over(self._batch)
            self._batch = []

    def _hand_over(self, what: list[str] | None) -> None:
        try:
            self._pipe.send(what)
        except (BrokenPipeError, ConnectionResetError):
            # The process has failed. It sent the reason before it closed its end.
            self._await_end()

    def finish(self) -> None:
        self._hand_over(self._batch)
        self._hand_over(None)

    def wait(self) -> None:
        self._await_end()
        made = self._folder / INDEXES
        # A database can only be attached between transactions.
        self._database.commit()
        self._database.execute("ATTACH ? AS beside", (str(made),))
        self._database.execute("BEGIN")
        for table in _FILLED:
            self._database.execute(f"INSERT INTO main.{table} SELECT * FROM beside.{table}")  # noqa: S608
        self._database.commit()
        self._database.execute("DETACH beside")
        self._database.execute("BEGIN")
        made.unlink()

    def _await_end(self) -> None:
        try:
            failure: str | None = self._pipe.recv()
        except (EOFError, OSError):
            failure = "the process that makes the indexes has ended; nothing was changed"
        self._process.join()
        if failure is not None:
            raise ReleaseError(failure)

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _index(pipe: Connection, folder: Path, language: str, declared: Stated) -> None:
    """Run the second process. At the end send back None, or a sentence that says what went wrong."""
    begin_beside()
    failure: str | None = None
    try:
        with sorting_in(folder), closing(connect_to_write(folder / INDEXES)) as database:
            for statement in table_statements(_FILLED):
                database.execute(statement)
            with closing(Indexes(folder, database, language, archive_fields(declared))) as indexes:
                _take_all(pipe, folder, indexes)
                indexes.finish()
            database.commit()
    except ReleaseError as error:
        failure = str(error)
    except sqlite3.Error as error:
        failure = f"the release could not be written: {error}; nothing was changed"
    except OSError as error:
        failure = f"the release could not be written: {error.strerror or error}; nothing was changed"
    pipe.send(failure)
    pipe.close()


def _take_all(pipe: Connection, folder: Path, indexes: Indexes) -> None:
    """Index all records. Their canonical lines are read from disk; when they changed comes through the pipe."""
    with (folder / CANONICAL).open("rb", buffering=1 << 20) as lines:
        next(lines)  # the head
        ordinal = 0
        while (batch := pipe.recv()) is not None:
            for updated_at in batch:
                ordinal += 1
                indexes.add(orjson.loads(next(lines)), ordinal, updated_at=updated_at)
