"""A temporary database in the staging folder, in which publishing keeps and sorts the public records.

It keeps memory use independent of the size of the archive, and is deleted before the release is complete. It knows what
a public record is, and nothing of the files of the release.
"""

import os
import sqlite3
import tempfile
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from service.archive.fields import ArchiveFields, RecordFields
from service.archive.identifiers import PLURALS, PREFIXES
from service.archive.model import Head
from service.release.disputes import Figure, claims_disagree, events_in_dispute, figures_disagree, figures_of
from service.release.documents import RELATED_SHOWN
from service.release.indexing import UNKNOWN, referred_to, sort_keys
from service.release.labels import own_language, shown_label, translated_labels
from service.release.projection import PublicRecord, canonical_line, public_head

#: Rows written to a database at a time. Larger batches gain nothing; smaller ones cost calls.
BATCH = 500
#: How many places, topics and labels are cached while documents are rendered.
CACHED_LOOKUPS = 20_000
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


class ScratchRow(NamedTuple):
    """What is known of a public record once all have come."""

    line: bytes
    label: str
    keys: tuple[str, ...]
    #: How many records of each collection name it, in whatever role; 0 where none does.
    referred_by: dict[str, int]


#: The collections by the prefixes of their identifiers, and what is counted of a record that none of them names.
_COLLECTIONS = {prefix: PLURALS[kind] for kind, prefix in PREFIXES.items()}
_BY_NONE = dict.fromkeys(_COLLECTIONS.values(), 0)


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
    """The public records of the archive being published, in the order of their identifiers.

    Canonical lines are kept in an unnamed temporary file, so that the rows of the database stay short.
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

    def __init__(self, path: Path, fields: ArchiveFields) -> None:
        self.path = path
        self.fields = fields
        self._keys = [f"key_{slot}" for slot in range(fields.slots)]
        self._key_names = ", ".join(self._keys)
        self.connection = connect_to_write(path)
        for statement in self._SCHEMA:
            self.connection.execute(statement.format(keys=self._key_names))
        self._lines = tempfile.TemporaryFile(dir=path.parent, buffering=1 << 20)  # noqa: SIM115 - closed by `close`
        self._offset = 0
        self._records: list[tuple[Any, ...]] = []
        #: How many records of each type name a record: of those that were counted last.
        self._referred: Counter[tuple[str, str]] = Counter()
        #: Whether any record relates to another, and whether any event is disputed by a relation or by figures: most
        #: archives have none, and are not asked of each record.
        self.has_relations = self.has_disputes = False

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
        unused = ("",) * (len(self._keys) - len(record.keys))
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
        self.has_relations |= bool(record.relations)
        rows = ((target, record.id, nth, kind, body) for nth, (target, kind, body) in enumerate(record.relations))
        self.connection.executemany("INSERT OR REPLACE INTO relation VALUES (?, ?, ?, ?, ?)", rows)
        figures = ((*figure, record.id) for figure in record.figures)
        self.connection.executemany("INSERT INTO figure VALUES (?, ?, ?, ?, ?, ?, ?)", figures)

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield the SHA-256 of every public file, each once, with a path where it lies."""
        yield from self.connection.execute("SELECT sha256, path FROM file ORDER BY sha256")

    def withdraw(self, record_id: str, day: str) -> None:
        """Take a withdrawal. If an identifier comes more than once, the first day is kept."""
        self.connection.execute("INSERT OR IGNORE INTO withdrawn VALUES (?, ?)", (record_id, day))

    def _flush(self) -> None:
        places = ", ".join("?" * (9 + len(self._keys)))
        self.connection.executemany(f"INSERT OR REPLACE INTO record VALUES ({places})", self._records)  # noqa: S608 - only places
        self._records.clear()

    def _spill(self) -> None:
        rows = ((*counted, number) for counted, number in self._referred.items())
        self.connection.executemany(
            "INSERT INTO referred VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET number = number + excluded.number", rows
        )
        self._referred.clear()

    def finish(self) -> None:
        """Number the records in the order of their identifiers. Called once, after the last record."""
        self._flush()
        self._spill()
        self._lines.flush()
        # SQLite numbers the rows from 1: these are the ordinals.
        self.connection.execute(f"INSERT INTO keyed SELECT NULL, {self._key_names} FROM record ORDER BY id")  # noqa: S608 - names of columns
        self._find_disputes()

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
        [(self.has_disputes,)] = self.connection.execute("SELECT EXISTS (SELECT 1 FROM disputed)")

    def related_from(self, record_id: str) -> list[tuple[str, PublicRecord]]:
        """Return the first records that relate to this one, by identifier, each with what it says of the relation."""
        if not self.has_relations:
            return []
        rows = self.connection.execute(
            "SELECT origin, body FROM relation WHERE target = ? ORDER BY origin, nth LIMIT ?",
            (record_id, RELATED_SHOWN),
        )
        return [(origin, orjson.loads(body)) for origin, body in rows]

    def is_revised(self, record_id: str) -> bool:
        """Tell whether another record revises this one."""
        statement = "SELECT 1 FROM relation WHERE target = ? AND type = 'revises' LIMIT 1"
        return self.has_relations and self.connection.execute(statement, (record_id,)).fetchone() is not None

    def is_in_dispute(self, event_id: str) -> bool:
        """Tell whether figures or accounts of an event disagree."""
        statement = "SELECT 1 FROM disputed WHERE event = ?"
        return bool(self.has_disputes) and self.connection.execute(statement, (event_id,)).fetchone() is not None

    def count(self) -> int:
        [(number,)] = self.connection.execute("SELECT count(*) FROM record")
        return int(number)

    def rows(self, canonical: Path) -> Iterator[ScratchRow]:
        """Yield what is known of every record, in the order of the identifiers.

        That is also the order of the canonical archive, by type and then by identifier, because the prefixes of
        identifiers sort as the names of the types do. Lines are read from `canonical`, the file of all canonical lines.
        """
        # Both by identifier, so that one pass over them is enough.
        rows = self.connection.execute(f"SELECT id, label, {self._key_names} FROM record ORDER BY id")  # noqa: S608 - names of columns
        counted = self.connection.execute("SELECT target, prefix, number FROM referred ORDER BY target")
        named = next(counted, None)
        with canonical.open("rb", buffering=1 << 20) as lines:
            next(lines)  # the head
            for record_id, label, *keys in rows:
                referred_by = _BY_NONE
                while named is not None and named[0] <= record_id:
                    if named[0] == record_id:
                        referred_by = referred_by | {_COLLECTIONS[named[1]]: named[2]}
                    named = next(counted, None)
                yield ScratchRow(next(lines), label, tuple(keys), referred_by)

    def canonical_lines(self, head: Head) -> Iterator[bytes]:
        """Yield the public archive in canonical form."""
        yield canonical_line(public_head(head))
        for offset, length in self.connection.execute("SELECT offset, length FROM record ORDER BY id"):
            yield self._line(offset, length)
        for record_id, day in self.withdrawals():
            yield canonical_line({"record": "withdrawn", "id": record_id, "on": day})

    def _line(self, offset: int, length: int) -> bytes:
        return os.pread(self._lines.fileno(), length, offset)

    def responses_of(self, agent_id: str, event_ids: Sequence[str]) -> list[PublicRecord]:
        """Return the responses of a party that are about any of these events, or about no event at all, by identifier."""
        places = ", ".join("?" * len(event_ids))
        statement = f"""SELECT DISTINCT id, offset, length FROM response JOIN record USING (id)
            WHERE party = ? AND event IN ('', {places}) ORDER BY id"""  # noqa: S608 - only places
        rows = self.connection.execute(statement, (agent_id, *event_ids))
        return [orjson.loads(self._line(offset, length)) for _, offset, length in rows]

    def in_order(self, slot: int, first: int, size: int) -> "array[int]":
        """Return the ordinals of a collection's records in the order of one of their sort keys."""
        rows = self.connection.execute(
            f"SELECT ordinal FROM keyed WHERE ordinal >= ? AND ordinal < ? ORDER BY {self._keys[slot]}, ordinal",  # noqa: S608
            (first, first + size),
        )
        return array("I", (row[0] for row in rows))

    def known(self, slot: int, first: int, size: int) -> int:
        """Return how many of a collection's records have something to be sorted by in a sort key."""
        [(number,)] = self.connection.execute(
            f"SELECT count(*) FROM keyed WHERE ordinal >= ? AND ordinal < ? AND {self._keys[slot]} < ?",  # noqa: S608
            (first, first + size, UNKNOWN),
        )
        return int(number)

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
    """Looks up labels, parents and responses of other records while a record is rendered and indexed.

    Implements the protocols `documents.Surroundings` and `indexing.Hierarchies`.
    """

    def __init__(self, scratch: Scratch, language: str) -> None:
        #: The archive's own language.
        self.language = language
        self._ask = scratch.connection.execute
        keep = lru_cache(CACHED_LOOKUPS)
        self._row = keep(self._row)  # type: ignore[method-assign]
        self._called = keep(self._called)  # type: ignore[method-assign]
        #: The languages of translated labels that were asked for since this was emptied: each with whether a label is
        #: written in it, else it is translated into it.
        self.label_languages: set[tuple[str, bool]] = set()
        self.and_wider = keep(self._with_parents)
        self.country = keep(self._country)
        self._scratch = scratch
        self.related_from = scratch.related_from
        self.is_revised = scratch.is_revised
        self._is_in_dispute = scratch.is_in_dispute

    def is_disputed(self, event: PublicRecord) -> bool:
        """Tell whether what is said of an event cannot all be true."""
        return ("claims" in event and claims_disagree(event, self.and_wider)) or self._is_in_dispute(event["id"])

    def _row(self, record_id: str) -> tuple[Any, ...]:
        statement = "SELECT label, languages, detail, parent, latitude, longitude FROM record WHERE id = ?"
        row: tuple[Any, ...] = self._ask(statement, (record_id,)).fetchone()
        return row

    def label(self, record_id: str) -> str:
        text, languages = self._called(record_id)
        if languages:
            self.label_languages |= languages
        return text

    def _called(self, record_id: str) -> tuple[str, frozenset[tuple[str, bool]]]:
        label, languages, *_ = self._row(record_id)
        if languages is None:
            return label, frozenset()
        own, *others = orjson.loads(languages)
        return label, frozenset([(own or self.language, True), *((each, False) for each in others)])

    def responses_of(self, agent_id: str, event_id: str) -> list[PublicRecord]:
        return self._scratch.responses_of(agent_id, self.and_wider(event_id))

    def publisher(self, source_id: str) -> str | None:
        publisher: str | None = self._row(source_id)[2]
        return publisher

    def point(self, place_id: str) -> tuple[float, float] | None:
        *_, latitude, longitude = self._row(place_id)
        return None if latitude is None else (latitude, longitude)

    def _with_parents(self, record_id: str) -> tuple[str, ...]:
        chain = [record_id]
        while (parent := self._row(chain[-1])[3]) is not None:
            chain.append(parent)
        return tuple(chain)

    def _country(self, place_id: str) -> str | None:
        stated: Iterable[str | None] = (self._row(place)[2] for place in self.and_wider(place_id))
        return next((country for country in stated if country is not None), None)
