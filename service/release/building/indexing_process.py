"""Runs the full-text index in a second process while the first one renders documents, so that publishing uses two cores.

The second process reads the canonical lines from disk and gets the rest through a pipe. It ends when its parent ends,
also when that is killed.
"""

import multiprocessing
from contextlib import closing
from dataclasses import fields
from multiprocessing.connection import Connection
from operator import attrgetter
from pathlib import Path
from typing import Any, Protocol

import orjson

from service.archive.declarations import Stated
from service.archive.dividing import begin_beside
from service.archive.fields import archive_fields
from service.errors import ReleaseError
from service.release.indexing import Entries
from service.release.manifest import CANONICAL
from service.release.text_index import IndexWriter, Places

#: Records sent through the pipe at a time.
BATCH = 200
#: One record as it is sent: the fields of its `Entries`, its places in the orders of its collection, and when it changed. Plain
#: tuples are pickled in half the time that dataclasses take.
Handed = tuple[tuple[Any, ...], Places, str]
_as_tuple = attrgetter(*(field.name for field in fields(Entries)))


class WordIndex(Protocol):
    """Takes records in the order of their ordinals and indexes their words."""

    def begin(self, language: str, declared: Stated) -> None:
        """Make ready, once, for an archive in this language that declares these fields of its own. Raises ReleaseError."""

    def add(self, line: bytes, ordinal: int, entries: Entries, /, *, places: Places, updated_at: str) -> None:
        """Take one record. Raises ReleaseError."""

    def finish(self) -> None:
        """Write everything out, or begin to. Raises ReleaseError."""

    def wait(self) -> None:
        """Wait until everything is written. Raises ReleaseError."""

    def close(self) -> None:
        """Stop, finished or not: nothing writes when this returns."""


class IndexHere:
    """Indexes in this process: for small archives, where starting another process would take longer than indexing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: IndexWriter | None = None

    def begin(self, language: str, declared: Stated) -> None:
        self._writer = IndexWriter(self._folder, language, archive_fields(declared))

    def add(self, line: bytes, ordinal: int, entries: Entries, *, places: Places, updated_at: str) -> None:
        assert self._writer is not None
        self._writer.add(orjson.loads(line), ordinal, entries, places=places, updated_at=updated_at)

    def finish(self) -> None:
        assert self._writer is not None
        self._writer.finish()

    def wait(self) -> None:
        """Everything is written: `finish` waited for it."""

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class IndexBeside:
    """Indexes in a second process, which is started at once so that it is ready when the first records come."""

    def __init__(self, folder: Path) -> None:
        # Spawned, not forked: this process may have threads, and a fork would copy the locks that they hold.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_index, args=(theirs, folder), daemon=True)
        self._process.start()
        theirs.close()
        self._batch: list[Handed] = []

    def begin(self, language: str, declared: Stated) -> None:
        self._hand_over((language, declared))

    def add(self, _line: bytes, _ordinal: int, entries: Entries, *, places: Places, updated_at: str) -> None:
        self._batch.append((_as_tuple(entries), places, updated_at))
        if len(self._batch) >= BATCH:
            self._hand_over(self._batch)
            self._batch = []

    def _hand_over(self, what: tuple[str, Stated] | list[Handed] | None) -> None:
        try:
            self._pipe.send(what)
        except (BrokenPipeError, ConnectionResetError):
            # The process has failed. It sent the reason before it closed its end, and `wait` raises it.
            self.wait()

    def finish(self) -> None:
        self._hand_over(self._batch)
        self._hand_over(None)

    def wait(self) -> None:
        try:
            failure: str | None = self._pipe.recv()
        except (EOFError, OSError):
            failure = "the process that indexes words has ended; nothing was changed"
        self._process.join()
        if failure is not None:
            raise ReleaseError(failure)

    def close(self) -> None:
        self._process.kill()
        self._process.join()
        self._pipe.close()


def _index(pipe: Connection, folder: Path) -> None:
    """Run the second process: index what comes through the pipe, the language and what is declared first. At the end send back None, or a
    sentence that says what went wrong.
    """
    begin_beside()
    failure: str | None = None
    try:
        with closing(IndexHere(folder)) as index:
            index.begin(*pipe.recv())
            _take_all(pipe, folder, index)
            index.finish()
    except ReleaseError as error:
        failure = str(error)
    except OSError as error:
        failure = f"the release could not be written: {error.strerror or error}; nothing was changed"
    pipe.send(failure)
    pipe.close()


def _take_all(pipe: Connection, folder: Path, index: IndexHere) -> None:
    """Index all records. Their canonical lines are read from disk; the rest comes through the pipe."""
    with (folder / CANONICAL).open("rb", buffering=1 << 20) as lines:
        next(lines)  # the head
        ordinal = 0
        while (batch := pipe.recv()) is not None:
            for entries, places, updated_at in batch:
                ordinal += 1
                index.add(next(lines), ordinal, Entries(*entries), places=places, updated_at=updated_at)
