"""What was gathered of the public records of an archive, in the order of their identifiers: see `scratch.py`.

Read by each process that builds a part of the release; nobody writes any more.
"""

import os
import sqlite3
from array import array
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

from service.archive.fields import ArchiveFields
from service.archive.identifiers import PLURALS, PREFIXES
from service.archive.model import Head
from service.release.building.scratch import CACHE_KIB, DATABASE, LINES, key_columns
from service.release.documents import RELATED_SHOWN
from service.release.indexing import UNKNOWN
from service.release.projection import PublicRecord, canonical_line, public_head


class GatheredRow(NamedTuple):
    """What is known of a public record once all have come."""

    line: bytes
    label: str
    keys: tuple[str, ...]
    #: How many records of each collection name it, in whatever role; 0 where none does.
    referred_by: dict[str, int]


#: The collections by the prefixes of their identifiers, and what is counted of a record that none of them names.
_COLLECTIONS = {prefix: PLURALS[kind] for kind, prefix in PREFIXES.items()}
_BY_NONE = dict.fromkeys(_COLLECTIONS.values(), 0)


class Gathered:
    """The public records of the archive being published, in the order of their identifiers. For one thread."""

    def __init__(self, folder: Path, fields: ArchiveFields) -> None:
        self.fields = fields
        self._keys = key_columns(fields)
        # Nobody writes any more, so SQLite can do without locks and checks for changes.
        address = (folder / DATABASE).absolute().as_uri() + "?mode=ro&immutable=1"
        self.connection = sqlite3.connect(address, uri=True)
        self.connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self.connection.execute("PRAGMA temp_store = FILE")
        self._lines = os.open(folder / LINES, os.O_RDONLY | os.O_CLOEXEC)
        #: Whether any record relates to another, and whether any event is disputed by a relation or by figures: most
        #: archives have none, and are not asked of each record.
        self.has_relations, self.has_disputes = self._has("relation"), self._has("disputed")

    def _has(self, table: str) -> bool:
        [(has,)] = self.connection.execute(f"SELECT EXISTS (SELECT 1 FROM {table})")  # noqa: S608 - a name of our own
        return bool(has)

    def close(self) -> None:
        self.connection.close()
        os.close(self._lines)

    def files(self) -> Iterator[tuple[str, str]]:
        """Yield the SHA-256 of every public file, each once, with a path where it lies."""
        yield from self.connection.execute("SELECT sha256, path FROM file ORDER BY sha256")

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
        return self.has_disputes and self.connection.execute(statement, (event_id,)).fetchone() is not None

    def count(self) -> int:
        [(number,)] = self.connection.execute("SELECT count(*) FROM record")
        return int(number)

    def rows(self, canonical: Path) -> Iterator[GatheredRow]:
        """Yield what is known of every record, in the order of the identifiers.

        That is also the order of the canonical archive, by type and then by identifier, because the prefixes of
        identifiers sort as the names of the types do. Lines are read from `canonical`, the file of all canonical lines.
        """
        # Both by identifier, so that one pass over them is enough.
        keys_of_record = ", ".join(self._keys)
        rows = self.connection.execute(f"SELECT id, label, {keys_of_record} FROM record ORDER BY id")  # noqa: S608 - names of columns
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
                yield GatheredRow(next(lines), label, tuple(keys), referred_by)

    def canonical_lines(self, head: Head) -> Iterator[bytes]:
        """Yield the public archive in canonical form."""
        yield canonical_line(public_head(head))
        for offset, length in self.connection.execute("SELECT offset, length FROM record ORDER BY id"):
            yield self._line(offset, length)
        for record_id, day in self.withdrawals():
            yield canonical_line({"record": "withdrawn", "id": record_id, "on": day})

    def _line(self, offset: int, length: int) -> bytes:
        return os.pread(self._lines, length, offset)

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

    def identifiers(self, prefix: str) -> Iterator[str]:
        """Yield the identifiers with a prefix (agt for agents), in order."""
        # The hyphen after the prefix is followed by the full stop.
        statement = "SELECT id FROM record WHERE id > ? AND id < ? ORDER BY id"
        for (record_id,) in self.connection.execute(statement, (f"{prefix}-", f"{prefix}.")):
            yield record_id

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
