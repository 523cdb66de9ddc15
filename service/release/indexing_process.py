"""Indexes words in a process of its own, beside the one that renders documents: publishing then uses two cores.

The process is given canonical lines and what else the index needs to know, and ends with its parent, however that ends.
"""

import multiprocessing
import os
import signal
import threading
from contextlib import closing
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Protocol

import orjson

from service.errors import ReleaseError
from service.release.indexing import Entries
from service.release.text_index import IndexWriter

#: Records handed over at a time.
BATCH = 200
#: One record: its canonical line, ordinal, what it is found by, its place in the order by text, when it changed.
Handed = tuple[bytes, int, Entries, int, str]


class WordIndex(Protocol):
    """Takes records in the order of their ordinals and indexes their words."""

    def begin(self, language: str) -> None:
        """Make ready, once, for an archive in this language. Raises ReleaseError."""

    def add(self, line: bytes, ordinal: int, entries: Entries, *, by_text: int, updated_at: str) -> None:
        """Take one record. Raises ReleaseError."""

    def finish(self) -> None:
        """Write everything out. Raises ReleaseError."""

    def close(self) -> None:
        """Stop, finished or not: nothing writes when this returns."""


class IndexHere:
    """Indexes in this process: for archives so small that another would take longer to start."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: IndexWriter | None = None

    def begin(self, language: str) -> None:
        self._writer = IndexWriter(self._folder, language)

    def add(self, line: bytes, ordinal: int, entries: Entries, *, by_text: int, updated_at: str) -> None:
        assert self._writer is not None
        self._writer.add(orjson.loads(line), ordinal, entries, by_text=by_text, updated_at=updated_at)

    def finish(self) -> None:
        assert self._writer is not None
        self._writer.finish()

    def close(self) -> None:
        if self._writer is not None:
            self._writer.close()


class IndexBeside:
    """Indexes in a process of its own, which starts at once: it is ready when the first records are."""

    def __init__(self, folder: Path) -> None:
        # Spawned, not forked: this process may have threads, and locks that they hold.
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_index, args=(theirs, folder), daemon=True)
        self._process.start()
        theirs.close()
        self._batch: list[Handed] = []

    def begin(self, language: str) -> None:
        self._hand_over(language)

    def add(self, line: bytes, ordinal: int, entries: Entries, *, by_text: int, updated_at: str) -> None:
        self._batch.append((line, ordinal, entries, by_text, updated_at))
        if len(self._batch) >= BATCH:
            self._hand_over(self._batch)
            self._batch = []

    def _hand_over(self, what: str | list[Handed] | None) -> None:
        try:
            self._pipe.send(what)
        except (BrokenPipeError, ConnectionResetError):
            # It has failed, and said why before it closed its end.
            self._await_end()

    def finish(self) -> None:
        self._hand_over(self._batch)
        self._hand_over(None)
        self._await_end()

    def _await_end(self) -> None:
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
    """Index what comes through a pipe, the language first: the process's own work. Answers with what went wrong, or None
    where nothing did.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C reaches both; the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    failure: str | None = None
    try:
        with closing(IndexHere(folder)) as index:
            index.begin(pipe.recv())
            while (batch := pipe.recv()) is not None:
                for line, ordinal, entries, by_text, updated_at in batch:
                    index.add(line, ordinal, entries, by_text=by_text, updated_at=updated_at)
            index.finish()
    except ReleaseError as error:
        failure = str(error)
    except OSError as error:
        failure = f"the release could not be written: {error.strerror or error}; nothing was changed"
    pipe.send(failure)
    pipe.close()


def _end_with_parent() -> None:
    """Wait until the parent is gone, killed for one, and end at once: nobody wants the index any more."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
