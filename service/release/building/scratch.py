"""A temporary database in the staging folder, in which publishing keeps and sorts the public records.

It keeps memory use independent of the size of the archive, and is deleted before the release is complete. It knows what
a public record is, and nothing of the files of the release. What was gathered is read in `gathered.py`.
"""

import os
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from service.archive.fields import ArchiveFields, RecordFields
from service.release.disputes import Figure, events_in_dispute, figures_disagree, figures_of
from service.release.indexing import referred_to, sort_keys
from service.release.labels import own_language, shown_label, translated_labels
from service.release.projection import PublicRecord, canonical_line

#: The database, and the file of the canonical lines, in the order in which they came.
DATABASE, LINES = "scratch.sqlite", "scratch.lines"
#: Rows written to a database at a time. Larger batches gain nothing; smaller ones cost calls.
BATCH = 500
#: Pairs of a record and a type of those that name it, of which the number is held in memory: about 20 MB.
COUNTED_IN_MEMORY = 100_000
#: Page cache of each database while publishing, in KiB.
CACHE_KIB = 10_000


def connect_to_write(path: Path) -> sqlite3.Connection:
    """Open a database for writing, without a journal: if publishing fails, the whole database is deleted anyway."""
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


@contextmanager
def sorting_in(folder: Path) -> Iterator[None]:
    """Make SQLite put its temporary files into `folder`, because /tmp may be small and in memory. They have no names.

    Of the whole process, and not by the variable SQLITE_TMPDIR: that is only looked at when Python imports SQLite.
    """
    with closing(sqlite3.connect(":memory:")) as anywhere:
        quoted = str(folder.absolute()).replace("'", "''")
        anywhere.execute(f"PRAGMA temp_store_directory = '{quoted}'")
        try:
            yield
        finally:
            anywhere.execute("PRAGMA temp_store_directory = ''")


class ScratchRecord(NamedTuple):
    """A public record while publishing: its canonical line, what other records show of it, and its sort keys."""

    line: bytes
    id: str
    label: str
    #: The language of the label, and those that it is translated into, as JSON; None where it is not.
    languages: str | None
    detail: str | None
    parent: str | None
    latitude: float | None
    longitude: float | None
    keys: tuple[str, ...]
    #: Only of a response: pairs of its party and an event that it is about; the event is "" where it is about none.
    answers: tuple[tuple[str, str], ...]
    #: The records that it names, in whatever role.
    refers_to: frozenset[str]
    #: Its relations: the other record, the type, and all that is said, as JSON.
    relations: tuple[tuple[str, str, bytes], ...]
    #: Only of a statistic that is tied to events: see `figures_of`.
    figures: tuple[Figure, ...]
    #: Only of a source: the SHA-256 of each public file, and where it lies.
    files: tuple[tuple[str, str], ...] = ()


def scratch_record(
    public: PublicRecord, fields: RecordFields, files: tuple[tuple[str, str], ...] = (), *, language: str
) -> ScratchRecord:
    """Return the form in which the scratch database takes a public record of an archive in a language."""
    return ScratchRecord(
        line=canonical_line(public),
        id=public["id"],
        label=shown_label(public),
        languages=_label_languages(public),
        detail=public.get("publisher") or public.get("country"),
        parent=public.get("part_of") or public.get("broader"),
        latitude=public.get("latitude"),
        longitude=public.get("longitude"),
        keys=sort_keys(public, fields, language),
        answers=tuple(_answers(public)) if public["record"] == "response" else (),
        refers_to=referred_to(public, fields),
        relations=tuple((each["to"], each["type"], orjson.dumps(each)) for each in public.get("relations", ())),
        figures=tuple(figures_of(public)) if public["record"] == "statistic" else (),
        files=files,
    )


def _label_languages(public: PublicRecord) -> str | None:
    translated = translated_labels(public)
    if not translated:
        return None
    # What is not in a language of its own is in the archive's, which the record does not say.
    own = own_language(public, "") or None
    return orjson.dumps([own, *translated]).decode()


def _answers(response: PublicRecord) -> Iterator[tuple[str, str]]:
    events = [subject for subject in response.get("about", []) if subject.startswith("evt-")]
    for event in events or [""]:
        yield response["party"], event


class Scratch:
    """Takes the public records of the archive being published. `finish` writes everything out, for `gathered.Gathered`.

    Canonical lines are kept in a file of their own, so that the rows of the database stay short.
    """

    _SCHEMA = (
        """CREATE TABLE record (
            id TEXT PRIMARY KEY, label TEXT, languages TEXT, detail TEXT, parent TEXT, latitude REAL, longitude REAL,
            offset INTEGER, length INTEGER, {keys}
        )""",
        "CREATE TABLE response (party TEXT, event TEXT, id TEXT, PRIMARY KEY (party, event, id)) WITHOUT ROWID",
        "CREATE TABLE referred (target TEXT, prefix TEXT, number INTEGER, PRIMARY KEY (target, prefix)) WITHOUT ROWID",
        """CREATE TABLE relation (
            target TEXT, origin TEXT, nth INTEGER, type TEXT, body BLOB, PRIMARY KEY (target, origin, nth)
        ) WITHOUT ROWID""",
        "CREATE TABLE figure (event TEXT, counted TEXT, period TEXT, place TEXT, low REAL, high REAL, id TEXT)",
        "CREATE TABLE disputed (event TEXT PRIMARY KEY) WITHOUT ROWID",
        'CREATE TABLE withdrawn (id TEXT PRIMARY KEY, "on" TEXT) WITHOUT ROWID',
        "CREATE TABLE file (sha256 TEXT PRIMARY KEY, path TEXT) WITHOUT ROWID",
        "CREATE TABLE keyed (ordinal INTEGER PRIMARY KEY, {keys})",
    )

    def __init__(self, folder: Path, fields: ArchiveFields) -> None:
        self._keys = ", ".join(key_columns(fields))
        self._slots = fields.slots
        self.connection = connect_to_write(folder / DATABASE)
        for statement in self._SCHEMA:
            self.connection.execute(statement.format(keys=self._keys))
        self._lines = (folder / LINES).open("w+b", buffering=1 << 20)
        self._offset = 0
        self._records: list[tuple[Any, ...]] = []
        #: How many records of each type name a record: of those that were counted last.
        self._referred: Counter[tuple[str, str]] = Counter()

    def close(self) -> None:
        self.connection.close()
        self._lines.close()

    def add(self, record: ScratchRecord) -> None:
        """Take one public record."""
        self._lines.write(record.line)
        shown = (
            record.id,
            record.label,
            record.languages,
            record.detail,
            record.parent,
            record.latitude,
            record.longitude,
        )
        unused = ("",) * (self._slots - len(record.keys))
        self._records.append((*shown, self._offset, len(record.line), *record.keys, *unused))
        self._offset += len(record.line)
        prefix = record.id[:3]
        for target in record.refers_to:
            self._referred[target, prefix] += 1
        if len(self._referred) >= COUNTED_IN_MEMORY:
            self._spill()
        for party, event in record.answers:
            self.connection.execute("INSERT OR REPLACE INTO response VALUES (?, ?, ?)", (party, event, record.id))
        for file in record.files:
            self.connection.execute("INSERT OR IGNORE INTO file VALUES (?, ?)", file)
        if record.relations or record.figures:
            self._add_accounts(record)
        if len(self._records) >= BATCH:
            self._flush()

    def _add_accounts(self, record: ScratchRecord) -> None:
        rows = ((target, record.id, nth, kind, body) for nth, (target, kind, body) in enumerate(record.relations))
        self.connection.executemany("INSERT OR REPLACE INTO relation VALUES (?, ?, ?, ?, ?)", rows)
        figures = ((*figure, record.id) for figure in record.figures)
        self.connection.executemany("INSERT INTO figure VALUES (?, ?, ?, ?, ?, ?, ?)", figures)

    def withdraw(self, record_id: str, day: str) -> None:
        """Take a withdrawal. If an identifier comes more than once, the first day is kept."""
        self.connection.execute("INSERT OR IGNORE INTO withdrawn VALUES (?, ?)", (record_id, day))

    def _flush(self) -> None:
        places = ", ".join("?" * (9 + self._slots))
        self.connection.executemany(f"INSERT OR REPLACE INTO record VALUES ({places})", self._records)  # noqa: S608 - only places
        self._records.clear()

    def _spill(self) -> None:
        rows = ((*counted, number) for counted, number in self._referred.items())
        self.connection.executemany(
            "INSERT INTO referred VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number", rows
        )
        self._referred.clear()

    def finish(self) -> None:
        """Number the records in the order of their identifiers and write everything out. Called once, after the last record."""
        self._flush()
        self._spill()
        self._lines.flush()
        # SQLite numbers the rows from 1: these are the ordinals.
        self.connection.execute(f"INSERT INTO keyed SELECT NULL, {self._keys} FROM record ORDER BY id")  # noqa: S608 - names of columns
        self._find_disputes()
        self.connection.commit()
        self.close()

    def _find_disputes(self) -> None:
        """Find the events about which figures, or the records that are accounts of them, disagree."""
        # What somebody revised does not stand any more, and disputes nothing.
        rows = self.connection.execute(
            """SELECT event, counted, period, place, low, high FROM figure
               WHERE NOT EXISTS (SELECT 1 FROM relation WHERE target = figure.id AND type = 'revises')
               ORDER BY event, counted"""
        )
        for (event, _), alike in groupby(map(Figure._make, rows), key=itemgetter(0, 1)):
            if figures_disagree(alike):
                self.connection.execute("INSERT OR IGNORE INTO disputed VALUES (?)", (event,))
        ends = self.connection.execute(
            """SELECT one.offset, one.length, other.offset, other.length FROM relation
               JOIN record AS one ON one.id = origin JOIN record AS other ON other.id = target
               WHERE type = 'disputes'"""
        )
        for *one, start, length in ends:
            events = events_in_dispute(orjson.loads(self._line(*one)), orjson.loads(self._line(start, length)))
            disputed = ((event,) for event in events)
            self.connection.executemany("INSERT OR IGNORE INTO disputed VALUES (?)", disputed)

    def _line(self, offset: int, length: int) -> bytes:
        return os.pread(self._lines.fileno(), length, offset)


def key_columns(fields: ArchiveFields) -> list[str]:
    """Return the columns that hold a record's sort keys."""
    return [f"key_{slot}" for slot in range(fields.slots)]


def remove_scratch(folder: Path) -> None:
    """Delete what is in no release."""
    for name in (DATABASE, LINES):
        with suppress(FileNotFoundError):
            (folder / name).unlink()
