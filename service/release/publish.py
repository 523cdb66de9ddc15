"""Publishing: read, check, project, render, store, index, seal, swap.

A release is built in a staging folder beside the others and becomes visible whole, by a rename. Until the last step the
release being served is untouched, so a publisher may fail or be killed at any moment. Memory does not grow with the
archive: what has to be remembered or sorted lies in a scratch database in the staging folder.
"""

import hashlib
import os
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Literal, Protocol

import orjson
from sqlalchemy import create_mock_engine
from sqlalchemy.dialects.sqlite import dialect
from sqlalchemy.schema import ExecutableDDLElement
from sqlmodel import SQLModel

from service import __version__
from service.archive.checks import ArchiveInvalid, check_archive
from service.archive.model import PLURALS, TYPE_OF_PREFIX, Head, Record, Withdrawn
from service.errors import ReleaseError
from service.release import tables
from service.release.documents import render_document, shown_label
from service.release.indexing import DATED_SORTS, SORTS, Entries, index_record
from service.release.projection import (
    PublicRecord,
    canonical_line,
    public_head,
    public_record,
    public_withdrawal,
)
from service.release.store import (
    CANONICAL,
    DATABASE,
    MANIFEST,
    SHORT_ID,
    STAGING_PREFIX,
    FileEntry,
    Manifest,
    Release,
    bring_in,
    current_folder,
    file_sha256,
    kept_releases,
    prune_held,
    read_manifest,
    sole_publisher,
    sync_file,
    sync_folder,
    timestamp,
    verify_files,
)
from service.release.tables import insert_statement
from service.release.text_index import IndexWriter, completion_keys, names_of
from service.release.texts import TextWriter

#: Rows written to a database at a time. Larger batches gain nothing; smaller ones cost calls.
BATCH = 500
#: How many places, topics and labels are kept at hand while rendering.
KEPT_AT_HAND = 20_000
#: Page cache of each database while publishing, in KiB.
CACHE_KIB = 48_000

Action = Literal["created", "updated", "withdrawn"]


class Progress(Protocol):
    """Told how far a publication is: the stage's name, units done, units in all."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...


def _silent(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication came to. `changed` is false where the release being served already held the same content."""

    folder: Path
    manifest: Manifest
    changed: bool
    changes: dict[Action, int]
    pruned: int


def publish(
    archive: Path,
    data: Path,
    *,
    keep: int = 3,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
    progress: Progress = _silent,
) -> Published:
    """Check `archive` and make it the release being served from `data`.

    Raises ArchiveInvalid with every finding, ArchiveUnreadable, PublishInProgress, ReleaseDamaged where the release
    being served cannot be continued, or ReleaseError where the data folder cannot be written. In each case the release
    being served is as it was.
    """
    with sole_publisher(data):
        previous = _previous_release(data)
        staging = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=data / "releases"))
        try:
            with _sorting_in(staging):
                publication = _Publication(
                    archive, data, staging=staging, previous=previous, moment=now(), progress=progress
                )
                return publication.run(keep=keep)
        except sqlite3.Error as error:
            raise ReleaseError(f"the release could not be written: {error}; nothing was changed") from error
        except OSError as error:
            reason = error.strerror or error
            raise ReleaseError(f"the release could not be written: {reason}; nothing was changed") from error
        finally:
            shutil.rmtree(staging, ignore_errors=True)
            if previous is not None:
                previous.close()


def _previous_release(data: Path) -> Release | None:
    """Open the release being served, to continue from it. Its engine may be an earlier one, its files must be whole."""
    folder = current_folder(data)
    if folder is None:
        return None
    manifest = read_manifest(folder)
    verify_files(folder, manifest)
    return Release(folder, manifest)


@contextmanager
def _sorting_in(folder: Path) -> Iterator[None]:
    """Let SQLite's unnamed temporary files lie in `folder`: the system's own folder may be a small one in memory."""
    name = "SQLITE_TMPDIR"
    before = os.environ.get(name)
    os.environ[name] = str(folder)
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


class _Publication:
    """One publication, from the archive file to the swap."""

    def __init__(
        self,
        archive: Path,
        data: Path,
        *,
        staging: Path,
        previous: Release | None,
        moment: datetime,
        progress: Progress,
    ) -> None:
        self.archive = archive
        self.data = data
        self.staging = staging
        self.previous = previous
        self.published_at = timestamp(moment)
        if previous is not None:
            # A clock may jump back; the log does not: who asks for what came since a moment is told of all that did.
            self.published_at = max(self.published_at, previous.manifest.published_at)
        self.today = moment.astimezone(UTC).date()
        self.progress = progress

    def run(self, *, keep: int) -> Published:
        with closing(Scratch(self.staging / "scratch.sqlite")) as scratch:
            head = self.check(scratch)
            release_id = self.write_canonical(scratch, head)
            if self.previous is not None and self.is_same(release_id):
                return Published(self.previous.folder, self.previous.manifest, False, _no_changes(), 0)
            number = 1 + max((release.number for release in kept_releases(self.data)), default=0)
            counts, changes = self.write_database(scratch, head, release_id, number)
        scratch.path.unlink()
        manifest = self.seal(release_id, number, counts)
        folder = self.data / "releases" / f"{number}-{release_id.removeprefix('sha256:')[:SHORT_ID]}"
        bring_in(self.data, self.staging, folder)
        pruned = prune_held(self.data, keep=keep)
        return Published(folder, manifest, True, changes, len(pruned))

    def is_same(self, release_id: str) -> bool:
        """Tell whether the release being served holds this content, rendered by this engine."""
        assert self.previous is not None
        return self.previous.id == release_id and self.previous.manifest.engine == __version__

    def check(self, scratch: "Scratch") -> Head:
        """Check the archive and collect what is public of it. Raises ArchiveInvalid."""

        def accept(record: Record | Withdrawn) -> None:
            if isinstance(record, Withdrawn):
                scratch.withdraw(public_withdrawal(record))
            elif (public := public_record(record, today=self.today)) is not None:
                scratch.add(public)

        size = self.archive.stat().st_size if self.archive.is_file() else 0
        report = check_archive(
            self.archive,
            today=self.today,
            predecessor=self.previous,
            accept=accept,
            progress=lambda done: self.progress("Checking", done, size),
        )
        if not report.ok or report.head is None:
            raise ArchiveInvalid(report)
        if self.previous is not None:
            # An identifier once withdrawn stays withdrawn, whether the file still lists it or not.
            for record_id, day in self.previous.rows('SELECT id, "on" FROM withdrawn'):
                scratch.withdraw({"record": "withdrawn", "id": record_id, "on": day})
        scratch.flush()
        return report.head

    def write_canonical(self, scratch: "Scratch", head: Head) -> str:
        """Write the public archive in canonical form. Returns the release id."""
        digest = hashlib.sha256()
        with (self.staging / CANONICAL).open("wb", buffering=1 << 20) as file:
            for line in scratch.canonical_lines(head):
                digest.update(line)
                file.write(line)
        return f"sha256:{digest.hexdigest()}"

    def write_database(
        self, scratch: "Scratch", head: Head, release_id: str, number: int
    ) -> tuple[dict[str, int], dict[Action, int]]:
        """Write documents, indexes and change log. Returns records by collection, and changes by action."""
        with closing(_connect(self.staging / DATABASE)) as database:
            _create_tables(database)
            database.execute(insert_statement(tables.ArchiveHead), (head.id, orjson.dumps(head.model_dump())))
            log = ChangeLog(database, self.previous, release_id, number, self.published_at)
            writer = RecordWriter(database, scratch)
            texts = TextWriter(database, head.language)
            around = Neighbourhood(scratch, head.language)
            total = scratch.count()
            for ordinal, line in enumerate(scratch.lines(), 1):
                public = orjson.loads(line)
                body = orjson.dumps(render_document(public, around))
                digest = hashlib.sha256(line + body).digest()
                version, updated_at = log.continue_record(public["id"], digest)
                document = b'%s,"version":%d,"updated_at":"%s"}' % (body[:-1], version, updated_at.encode())
                row = (ordinal, public["id"], version, updated_at, digest, document)
                writer.add(row, public["record"], index_record(public, around, updated_at=updated_at))
                texts.add(ordinal, public)
                if ordinal % BATCH == 0:
                    self.progress("Rendering", ordinal, total)
            log.finish()
            self.progress("Indexing", 0, 1)
            writer.finish()
            texts.finish()
            self.progress("Indexing", 1, 1)
            self.write_text_index(scratch, database, head, around, total)
            counts = {PLURALS[record]: writer.counts[record] for record in sorted(TYPE_OF_PREFIX.values())}
            counts["withdrawn"] = scratch.write_withdrawals(database)
            database.execute("PRAGMA optimize")
            database.commit()
        return counts, log.changes

    def write_text_index(
        self, scratch: "Scratch", database: sqlite3.Connection, head: Head, around: "Neighbourhood", total: int
    ) -> None:
        """Write the full-text index and what search boxes complete. A second walk over the records: their places by
        title are known only once all have been sorted.
        """
        names = NameWriter(database, scratch, head)
        places = scratch.rank_texts(database)
        index = IndexWriter(self.staging, head.language)
        updates = database.execute("SELECT ordinal, updated_at FROM record ORDER BY ordinal")
        for (ordinal, updated_at), by_text, line in zip(updates, places, scratch.lines(), strict=True):
            public = orjson.loads(line)
            entries = index_record(public, around, updated_at=updated_at)
            index.add(public, ordinal, entries, by_text=by_text, updated_at=updated_at)
            names.add(public, ordinal, len(line))
            if ordinal % BATCH == 0:
                self.progress("Indexing words", ordinal, total)
        index.finish()
        names.finish()
        self.progress("Indexing words", total, total)

    def seal(self, release_id: str, number: int, counts: dict[str, int]) -> Manifest:
        """Make every file durable and describe it in the manifest."""
        files = {}
        for path in sorted(self.staging.rglob("*")):
            if path.is_file():
                path.chmod(0o444)
                sync_file(path)
                name = path.relative_to(self.staging).as_posix()
                files[name] = FileEntry(bytes=path.stat().st_size, sha256=file_sha256(path))
        manifest = Manifest(
            id=release_id,
            number=number,
            published_at=self.published_at,
            engine=__version__,
            counts=counts,
            files=files,
        )
        path = self.staging / MANIFEST
        path.write_text(manifest.model_dump_json(indent=2) + "\n")
        path.chmod(0o444)
        sync_file(path)
        self.staging.chmod(0o755)
        sync_folder(self.staging)
        return manifest


# --- Databases ------------------------------------------------------------------------------------------------------


def _connect(path: Path) -> sqlite3.Connection:
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


def _create_tables(database: sqlite3.Connection) -> None:
    # By this connection: one of SQLAlchemy's own would make each table durable, and has other errors for a full disk.
    def execute(statement: ExecutableDDLElement, *_: object) -> None:
        database.execute(str(statement.compile(dialect=dialect())))

    engine = create_mock_engine("sqlite://", execute)
    SQLModel.metadata.create_all(engine, checkfirst=False)


class Scratch:
    """What a publication has to remember or sort, in a database of its own that is thrown away."""

    _SCHEMA = (
        """CREATE TABLE record (
            id TEXT PRIMARY KEY, line BLOB, label TEXT, detail TEXT, parent TEXT, latitude REAL, longitude REAL
        )""",
        "CREATE TABLE response (party TEXT, id TEXT, PRIMARY KEY (party, id)) WITHOUT ROWID",
        'CREATE TABLE withdrawn (id TEXT PRIMARY KEY, "on" TEXT) WITHOUT ROWID',
    )

    def __init__(self, path: Path) -> None:
        self.path = path
        self.connection = _connect(path)
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
        self.connection.executemany("INSERT OR REPLACE INTO record VALUES (?, ?, ?, ?, ?, ?, ?)", self._records)
        self._records.clear()

    def count(self) -> int:
        [(number,)] = self.connection.execute("SELECT count(*) FROM record")
        return int(number)

    def lines(self) -> Iterator[bytes]:
        """Yield the canonical line of every record by identifier, which is by type and identifier: the alphabetical
        order of the identifiers' prefixes is that of the types' names.
        """
        return (row[0] for row in self.connection.execute("SELECT line FROM record ORDER BY id"))

    def canonical_lines(self, head: Head) -> Iterator[bytes]:
        """Yield the public archive in canonical form."""
        yield canonical_line(public_head(head))
        yield from self.lines()
        for record_id, day in self.connection.execute('SELECT id, "on" FROM withdrawn ORDER BY id'):
            yield canonical_line({"record": "withdrawn", "id": record_id, "on": day})

    def rank_texts(self, database: sqlite3.Connection) -> Iterator[int]:
        """Return each record's place in its collection's order by title, label or name, by ordinal; 0 where it has
        none.
        """
        sorts = database.execute("SELECT id FROM sort WHERE name IN ('title', 'name', 'label')").fetchall()
        self.connection.execute("CREATE TABLE ranked (ordinal INTEGER PRIMARY KEY, place INTEGER)")
        place = count(1)
        for (sort,) in sorted(sorts):
            rows = database.execute("SELECT ordinal FROM position WHERE sort = ? ORDER BY key, ordinal", (sort,))
            self.connection.executemany("INSERT INTO ranked VALUES (?, ?)", ((row[0], next(place)) for row in rows))
        ranked = self.connection.execute("SELECT ordinal, place FROM ranked ORDER BY ordinal")
        following = next(ranked, None)
        for ordinal in range(1, self.count() + 1):
            if following is not None and following[0] == ordinal:
                yield following[1]
                following = next(ranked, None)
            else:
                yield 0

    def write_withdrawals(self, database: sqlite3.Connection) -> int:
        """Copy the withdrawals into the release. Returns how many there are."""
        rows = self.connection.execute('SELECT id, "on" FROM withdrawn ORDER BY id').fetchall()
        database.executemany(insert_statement(tables.WithdrawnRow), rows)
        return len(rows)


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


class RecordWriter:
    """Writes records and what they are found by. Index rows are sorted in scratch first, so that the release's own
    tables are filled in their order: pages are packed, and nothing is inserted at random.
    """

    _SCHEMA = (
        "CREATE TABLE found (filter INTEGER, value TEXT, ordinal INTEGER)",
        "CREATE TABLE placed (sort INTEGER, key TEXT, ordinal INTEGER)",
    )

    def __init__(self, database: sqlite3.Connection, scratch: Scratch) -> None:
        self.database = database
        self.scratch = scratch.connection
        self.counts: Counter[str] = Counter()
        self._rows: dict[str, list[tuple[Any, ...]]] = {}
        self._filters: dict[tuple[str, str], int] = {}
        self._sorts = dict(zip(_sort_names(), count(1), strict=False))
        for statement in self._SCHEMA:
            self.scratch.execute(statement)
        database.executemany(
            insert_statement(tables.SortRow), ((number, *name) for name, number in self._sorts.items())
        )
        self._statements = {
            "record": insert_statement(tables.RecordRow),
            "event_date": insert_statement(tables.EventDate),
            "event_point": insert_statement(tables.EventPoint),
            "statistic_range": insert_statement(tables.StatisticRange),
            "found": "INSERT INTO found VALUES (?, ?, ?)",
            "placed": "INSERT INTO placed VALUES (?, ?, ?)",
        }
        for name in self._statements:
            self._rows[name] = []

    def add(self, row: tuple[Any, ...], record: str, entries: Entries) -> None:
        """Write one record: the row of its table, and what it is found by."""
        ordinal: int = row[0]
        rows = self._rows
        collection = PLURALS[record]  # type: ignore[index]
        self.counts[record] += 1
        rows["record"].append(row)
        for name, value in entries.terms:
            rows["found"].append((self._filter(collection, name), value, ordinal))
        for name, key in entries.keys:
            rows["placed"].append((self._sorts[collection, name], key, ordinal))
        if entries.days is not None:
            rows["event_date"].append((ordinal, *entries.days))
        if entries.point is not None:
            rows["event_point"].append((ordinal, *entries.point))
        if entries.range is not None:
            rows["statistic_range"].append((ordinal, *entries.range))
        if len(rows["record"]) >= BATCH:
            self._flush()

    def _filter(self, collection: str, name: str) -> int:
        return self._filters.setdefault((collection, name), len(self._filters) + 1)

    def _flush(self) -> None:
        for name, rows in self._rows.items():
            connection = self.scratch if name in ("found", "placed") else self.database
            connection.executemany(self._statements[name], rows)
            rows.clear()

    def finish(self) -> None:
        """Sort the index rows into the release."""
        self._flush()
        database = self.database
        database.executemany(
            insert_statement(tables.FilterRow), ((number, *name) for name, number in self._filters.items())
        )
        # One walk in order fills both tables: terms are numbered as they are met.
        found = self.scratch.execute("SELECT filter, value, ordinal FROM found ORDER BY 1, 2, 3")
        terms, postings = insert_statement(tables.TermRow), insert_statement(tables.posting)
        batch: list[tuple[int, int]] = []
        current: tuple[int, str] | None = None
        term = finds = 0
        for filter_id, value, ordinal in found:
            if (filter_id, value) != current:
                if current is not None:
                    database.execute(terms, (term, *current, finds))
                current, term, finds = (filter_id, value), term + 1, 0
            finds += 1
            batch.append((term, ordinal))
            if len(batch) >= BATCH:
                database.executemany(postings, batch)
                batch.clear()
        if current is not None:
            database.execute(terms, (term, *current, finds))
        database.executemany(postings, batch)
        placed = self.scratch.execute("SELECT sort, key, ordinal FROM placed ORDER BY 1, 2, 3")
        database.executemany(insert_statement(tables.position), placed)


class NameWriter:
    """Writes labels, completions, and where each record's line lies in the canonical archive."""

    def __init__(self, database: sqlite3.Connection, scratch: Scratch, head: Head) -> None:
        self.database = database
        self.scratch = scratch.connection
        self.offset = len(canonical_line(public_head(head)))
        self._lines: list[tuple[int, int, int]] = []
        self._labels: list[tuple[str, str]] = []
        self._names: list[tuple[str, str]] = []
        self.scratch.execute("CREATE TABLE named (collection TEXT, text TEXT)")

    def add(self, public: PublicRecord, ordinal: int, length: int) -> None:
        self._lines.append((ordinal, self.offset, length))
        self.offset += length
        self._labels.append((public["id"], shown_label(public)))
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


def _sort_names() -> Iterator[tuple[str, str]]:
    for collection, names in SORTS.items():
        for name in names:
            yield collection, name
            if name in DATED_SORTS:
                yield collection, f"-{name}"


class ChangeLog:
    """The change log, continued from the release before. Records come in the order of their identifiers, in both
    releases, so that one walk over both finds what was created, updated and withdrawn.
    """

    def __init__(
        self, database: sqlite3.Connection, previous: Release | None, release_id: str, number: int, at: str
    ) -> None:
        self.database = database
        self.changes = _no_changes()
        self._at = at
        self._release = (number, release_id, at)
        self._statement = insert_statement(tables.ChangeRow)
        self._before: Iterator[tuple[str, int, str, bytes]] = iter(())
        self._sequence = 0
        if previous is not None:
            self._copy(previous)
            self._before = previous.connection().execute(
                "SELECT id, version, updated_at, digest FROM record ORDER BY ordinal"
            )
        self._next = next(self._before, None)
        #: The sequence number of this release's first entry, if it has any.
        self._begins = self._sequence + 1

    def _copy(self, previous: Release) -> None:
        rows = previous.connection().execute("SELECT * FROM change ORDER BY sequence")
        while batch := rows.fetchmany(BATCH):
            self.database.executemany(self._statement, batch)
            self._sequence = batch[-1][0]
        releases = previous.rows("SELECT number, id, at, first, last FROM logged_release ORDER BY number")
        self.database.executemany(insert_statement(tables.LoggedRelease), releases)

    def continue_record(self, record_id: str, digest: bytes) -> tuple[int, str]:
        """Log what happened to a record, if anything did. Returns its version and when it last changed."""
        while self._next is not None and self._next[0] < record_id:
            self._withdrawn()
        if self._next is None or self._next[0] != record_id:
            self._log("created", record_id, 1)
            return 1, self._at
        _, version, updated_at, digest_before = self._next
        self._next = next(self._before, None)
        if digest == digest_before:
            return version, updated_at
        self._log("updated", record_id, version + 1)
        return version + 1, self._at

    def finish(self) -> None:
        """Log what is left of the release before: it is gone. Then log the release itself."""
        while self._next is not None:
            self._withdrawn()
        row = (*self._release, self._begins, self._sequence)
        self.database.execute(insert_statement(tables.LoggedRelease), row)

    def _withdrawn(self) -> None:
        assert self._next is not None
        record_id, version, _, _ = self._next
        self._log("withdrawn", record_id, version)
        self._next = next(self._before, None)

    def _log(self, action: Action, record_id: str, version: int) -> None:
        self.changes[action] += 1
        self._sequence += 1
        self.database.execute(self._statement, (self._sequence, *self._release, action, record_id, version))


def _no_changes() -> dict[Action, int]:
    return {"created": 0, "updated": 0, "withdrawn": 0}
