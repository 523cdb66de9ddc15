"""Formats: which ones a list has, which one an answer has (`format=`, else RFC 9110, 12.5.1), how each is written.

`FORMATS` is the one table. A format other than JSON gives the whole list: its writer turns batches of documents into
bytes and knows nothing of how they are sent.
"""

from codecs import BOM_UTF8
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Protocol

import orjson

from service.api.columns import Around, Cell, columns_of
from service.api.columns import cited_sources as cited_sources_of
from service.archive.fields import archive_fields
from service.catalogue.browsing import Catalogue, Listing
from service.catalogue.criteria import Criteria, criteria_of
from service.catalogue.languages import Wishes
from service.catalogue.parameters import invalid_parameters, parameter_schemas
from service.errors import ParameterError
from service.http.negotiation import CSV, GEOJSON, JSON, NDJSON, choose_format

#: Answers about other records, such as a source's address, that one export keeps at hand. A bound on memory.
KEPT_AT_HAND = 4096


class Writer(Protocol):
    """Writes one list. Called from one thread at a time, any thread."""

    #: What comes before the first record and after the last.
    opening: bytes
    closing: bytes

    def write(self, documents: list[bytes]) -> bytes:
        """Return these records as they stand in the file. Asks the release: not on the event loop."""


@dataclass(frozen=True, slots=True)
class Export:
    """A list to be written: from which release, with which keys, and under which address its records are served."""

    catalogue: Catalogue
    criteria: Criteria
    #: The absolute address of the API's root.
    base: str
    #: How many records of the list have no place in the file: those without a point, on a map.
    omitted: int = 0


@dataclass(frozen=True, slots=True)
class Format:
    """One way to write a list. `writer` is None for JSON, which gives a page."""

    name: str
    media_type: str
    suffix: str
    writer: Callable[[Export], Writer] | None
    #: Parameters of the media type in Content-Type.
    parameters: str = ""
    #: Whether records without a point are left out.
    on_map: bool = False


def format_of(criteria: Criteria, accept: str | None, *, addressed: str | None = None) -> Format:
    """Return the format that a request asks for: the one that its address ends in, else `format`, else what `Accept` prefers.

    Raises NotAcceptable, InvalidParameters.
    """
    if addressed is not None:
        chosen = FORMATS[addressed]
        if criteria.format is not None:
            raise invalid_parameters([ParameterError("format", f"is said by the address, .{addressed}; leave it out")])
    else:
        by_media_type, offers = _offers(type(criteria))
        chosen = by_media_type[choose_format(criteria.format, accept, offers)]
    if chosen.writer is not None:
        given = [name for name in criteria.PAGING if name in criteria.model_fields_set]
        message = f"is for pages, and {chosen.name} gives the whole list; leave it out, or ask for format=json"
        if given:
            raise invalid_parameters([ParameterError(name, message) for name in given])
    if criteria.bom and chosen.name != "csv":
        raise invalid_parameters([ParameterError("bom", f"is for CSV: /v1/{criteria.collection}.csv?bom=true")])
    return chosen


@cache
def _offers(model: type[Criteria]) -> tuple[dict[str, Format], dict[str, str]]:
    """Return the formats of a collection by media type, and their media types by name."""
    by_media_type = {each.media_type: each for each in formats_of(model).values()}
    return by_media_type, {each.name: media_type for media_type, each in by_media_type.items()}


# --- Writers ----------------------------------------------------------------------------------------------------------


class _Lookup:
    """Answers about other records, asked for a batch at a time and kept at hand."""

    def __init__(self, catalogue: Catalogue, read: Callable[[dict[str, Any]], Any]) -> None:
        self._catalogue = catalogue
        self._read = read
        self._known: dict[str, Any] = {}

    def of(self, record_ids: set[str]) -> dict[str, Any]:
        """Return an answer for each of these records at least, None where there is no such record."""
        missing = record_ids - self._known.keys()
        if missing:
            if len(self._known) + len(missing) > KEPT_AT_HAND:
                self._known.clear()
                missing = record_ids
            found = self._catalogue.documents(missing)
            for record_id in missing:
                document = found.get(record_id)
                self._known[record_id] = None if document is None else self._read(orjson.loads(document))
        return self._known


class _Csv:
    """RFC 4180: comma, CRLF, a header row, one row a record. UTF-8, with a mark at its beginning only where one was asked for."""

    closing = b""

    def __init__(self, export: Export) -> None:
        criteria = export.criteria
        self._columns = columns_of(export.catalogue.fields[criteria.record], frozenset(criteria.fields))
        self._address = f"{export.base}/v1/{criteria.collection}/"
        self._sources = _Lookup(export.catalogue, lambda source: source["url"])
        names: list[Cell] = [name for columns in self._columns for name in columns.names]
        self.opening = (BOM_UTF8 if criteria.bom else b"") + csv_rows([names])

    def write(self, documents: list[bytes]) -> bytes:
        records = [orjson.loads(document) for document in documents]
        cited = {source for record in records for source in cited_sources_of(record)}
        around = Around(self._address, self._sources.of(cited))
        plan = [(columns.key, columns.cells) for columns in self._columns]
        return csv_rows([cell for key, cells in plan for cell in cells(record[key], around)] for record in records)


def csv_rows(rows: Iterable[list[Cell]]) -> bytes:
    """Return rows as RFC 4180 has them; one empty cell alone is quoted: an empty line is no row to many."""
    # The same bytes as csv.writer, which looks at every character in turn and takes four times as long. Most cells are empty.
    written_rows = [",".join(["" if cell is None else _quoted(cell) for cell in row]) or '""' for row in rows]
    return "".join([row + "\r\n" for row in written_rows]).encode()


def _quoted(cell: str | float) -> str:
    if not isinstance(cell, str):
        return str(cell)
    if '"' in cell:
        return '"' + cell.replace('"', '""') + '"'
    return f'"{cell}"' if "," in cell or "\n" in cell or "\r" in cell else cell


class _Ndjson:
    """One record a line, as it stands in the pages of the list."""

    opening = closing = b""

    def __init__(self, export: Export) -> None:
        self._fields = export.criteria.fields

    def write(self, documents: list[bytes]) -> bytes:
        return b"".join([select_fields(document, self._fields) + b"\n" for document in documents])


class _GeoJson:
    """RFC 7946: a feature for each place with a point that a record has or that is claimed for it. Its properties are the
    record, and how far off the point may be (`radius_m`, in metres) always among them: a point drawn without it claims more
    than is known. Those of an event also say who claims that it was there (`claimed_by`): nobody where it is the event's own
    place.
    """

    closing = b"\n]}\n"

    def __init__(self, export: Export) -> None:
        self._fields = export.criteria.fields
        self._places = _Lookup(export.catalogue, _point)
        self._of_places = export.criteria.record == "place"
        # Why a map is empty is told in the file too, which is often looked at without its headers (RFC 7946, section 6.1).
        self.opening = b'{"type":"FeatureCollection","omitted":%d,"features":[\n' % export.omitted
        self._begun = False

    def write(self, documents: list[bytes]) -> bytes:
        records = [orjson.loads(document) for document in documents]
        shown = [select_fields(document, self._fields) for document in documents]
        drawn = self._places_drawn if self._of_places else self._events_drawn
        separator = b",\n" if self._begun else b""
        self._begun = True
        return separator + b",\n".join(drawn(records, shown))

    def _places_drawn(self, records: list[dict[str, Any]], shown: list[bytes]) -> Iterator[bytes]:
        for place, properties in zip(records, shown, strict=True):
            more = {"radius_m": place["radius_m"]} if self._fields and "radius_m" not in self._fields else {}
            if (point := _point(place)) is not None:
                yield _feature(place["id"], point, properties, more)

    def _events_drawn(self, records: list[dict[str, Any]], shown: list[bytes]) -> Iterator[bytes]:
        claimed = [_claimed(event) for event in records]
        own = [None if event["place"] is None else event["place"]["id"] for event in records]
        points = self._places.of({each for each in own if each is not None}.union(*claimed))
        for event, at, by_place, properties in zip(records, own, claimed, shown, strict=True):
            if at is not None and (point := points[at]) is not None:
                yield _feature(event["id"], point, properties, {"radius_m": point[2], "claimed_by": []})
            for place, claimants in by_place.items():
                if place != at and (point := points[place]) is not None:
                    # Readers of GeoJSON take one identifier for one thing on the map.
                    name, more = f"{event['id']}/{place}", {"radius_m": point[2], "claimed_by": claimants}
                    yield _feature(name, point, properties, more)


#: Longitude and latitude in degrees, and how far off they may be in metres.
_Point = tuple[float, float, float | None]


def _feature(name: str, point: _Point, properties: bytes, more: dict[str, Any]) -> bytes:
    """Return a feature with the properties of a record and some more."""
    if more:
        properties = b"%b,%b" % (properties[:-1], orjson.dumps(more)[1:])
    # Longitude first (RFC 7946, section 3.1.1).
    return b'{"type":"Feature","id":%s,"geometry":{"type":"Point","coordinates":%s},"properties":%s}' % (
        orjson.dumps(name),
        orjson.dumps(point[:2]),
        properties,
    )


def _point(place: dict[str, Any]) -> _Point | None:
    """Return where a place lies; None where it has no point."""
    return None if place["longitude"] is None else (place["longitude"], place["latitude"], place["radius_m"])


def _claimed(event: dict[str, Any]) -> dict[str, list[dict[str, str]]]:
    """Return the places that are claimed for an event, each with those who claim it."""
    found: dict[str, list[dict[str, str]]] = {}
    for claim in event["claims"]:
        if claim["field"] == "place":
            claimants = found.setdefault(claim["value"]["id"], [])
            claimants += [claim["asserted_by"]] if claim["asserted_by"] not in claimants else []
    return found


def select_fields(document: bytes, fields: Sequence[str]) -> bytes:
    """Return a document with only these top-level keys, in the document's order; all of it where none is named."""
    if not fields:
        return document
    wanted = set(fields)
    return orjson.dumps({key: value for key, value in orjson.loads(document).items() if key in wanted})


def written(
    writer: Writer, catalogue: Catalogue, listing: Listing, *, place: Callable[[bytes], bytes], wishes: Wishes = ()
) -> Iterator[bytes]:
    """Yield a whole list as a file in pieces: the opening with the first batch of records, then a piece a batch.

    Texts are in the languages wished for, where there is a translation; `place` gives documents their addresses.
    """
    opening = writer.opening
    for batch in catalogue.batches(listing):
        documents = [place(document) for document in batch]
        if wishes:
            documents, _ = catalogue.translate(documents, wishes)
        piece = opening + writer.write(documents)
        # Slow readers take a while over a piece: what it was made from is not kept meanwhile.
        del batch, documents
        yield piece
        opening = b""
    if opening or writer.closing:
        yield opening + writer.closing


# --- The formats ------------------------------------------------------------------------------------------------------

#: Every format by its name, the default first. A collection offers those that its criteria name.
FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("json", JSON, "json", None),
        Format("csv", CSV, "csv", _Csv, parameters="; charset=utf-8; header=present"),
        Format("ndjson", NDJSON, "ndjson", _Ndjson),
        Format("geojson", GEOJSON, "geojson", _GeoJson, on_map=True),
    )
}


@cache
def formats_of(model: type[Criteria]) -> dict[str, Format]:
    """Return the formats that a collection offers by name."""
    return {name: FORMATS[name] for name in parameter_schemas(model)["format"]["enum"]}


def files_of(collection: str) -> tuple[str, ...]:
    """Return the formats of a collection that give the whole list, by name: each has an address of its own."""
    offered = formats_of(criteria_of(archive_fields())[collection])
    return tuple(name for name, each in offered.items() if each.writer is not None)
