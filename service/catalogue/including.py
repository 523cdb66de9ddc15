"""The records that belong to others and are answered together with them: what they name, and what names them."""

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import orjson
from pyroaring import BitMap

from service.archive.identifiers import PREFIXES, RECORD_OF
from service.catalogue.criteria import RELATED
from service.catalogue.queries import Terms
from service.catalogue.sets import RecordSets
from service.release.opening import Release

#: Records that one answer includes, at most: about three megabytes.
MOST_INCLUDED = 1000
#: Bytes of the prefix of an identifier, with its hyphen.
PREFIX = 4
# An identifier as a document has it, its own first. In a text, quotation marks have a backslash before them.
_IDENTIFIER = re.compile(rb'"id":"((?:%s)-[a-z0-9-]+)"' % "|".join(PREFIXES.values()).encode())


class Included(NamedTuple):
    """Documents by identifier, each once, and how many there would be without a limit."""

    documents: list[bytes]
    total: int


def include(release: Release, sets: RecordSets, documents: Sequence[bytes], names: Sequence[str]) -> Included:
    """Return the records that belong to some others, which are not among them themselves.

    A collection stands for all of its records that these name anywhere or that name them or, of an event, a part of it; a
    field, for the records that it names; `related`, for those of its relations and, of a testimony, those told of the same
    events. Raises ReleaseDamaged.
    """
    collections = [name for name in names if name in RECORD_OF]
    prefixes = {f"{PREFIXES[RECORD_OF[name]]}-".encode() for name in collections}
    fields = [name for name in names if name not in RECORD_OF]
    named: dict[str, None] = {}
    naming: list[BitMap] = []
    own: list[str] = []
    for document in documents:
        # Read off the bytes: going through all parts of a record in Python takes ten times as long.
        record_id, *others = _IDENTIFIER.findall(document)
        own.append(record_id.decode())
        named |= dict.fromkeys([each.decode() for each in others if each[:PREFIX] in prefixes])
        if fields:
            record = orjson.loads(document)
            named |= dict.fromkeys(each for name in fields for each in _named(record, name))
            if RELATED in fields and "events" in record:
                naming += _of_the_same(sets, [each["id"] for each in record["events"]], record["record"])
        if collections:
            naming += _naming(sets, own[-1], collections)
    ordinals = sets.ordinals([*{**named, **dict.fromkeys(own)}])
    either = BitMap.union(BitMap([*ordinals.values()]), *naming)
    wanted = either - BitMap([ordinals[each] for each in own])
    return Included(release.documents([*wanted[:MOST_INCLUDED]]), len(wanted))


def _naming(sets: RecordSets, record_id: str, collections: Sequence[str]) -> Iterator[BitMap]:
    """Yield the ordinals of the records of some collections that name a record or, of an event, a part of it."""
    is_event = record_id.startswith(PREFIXES["event"])
    # What has parts is named by events.
    found = sets.naming(record_id, {*collections, "events"} if is_event else collections)
    for part in sets.parts_of(record_id, most=MOST_INCLUDED) if is_event and "events" in found else ():
        yield from sets.naming(part, collections).values()
    yield from (ordinals for name, ordinals in found.items() if name in collections)


def _of_the_same(sets: RecordSets, events: list[str], record: str) -> Iterator[BitMap]:
    """Yield the ordinals of the testimonies that tell of some events or of their parts; of other records, nothing."""
    if record == "testimony":
        first = sets.collections["testimonies"].first
        yield from (term.found.shift(first) for term in sets.find("testimonies", Terms("event", tuple(events))))


def _named(record: dict[str, Any], name: str) -> list[str]:
    """Return the identifiers that a record gives in a field, or by its relations."""
    if name == RELATED:
        return [each["to"]["id"] for each in record["relations"]] + [
            each["from"]["id"] for each in record["related_from"]
        ]
    value = record[name]
    return [each["id"] for each in ([] if value is None else value if isinstance(value, list) else [value])]
