"""From a public record to what it is found by: terms for filters, keys for sorting, spans for ranges.

All of it follows from the marks of the fields. Costs that grow with the archive are paid here, once: narrower topics and
inner places are spelled out, so that a request asks for one term only. The names of terms are the names of the API's
filters, but for `HAS_POINT` and those of days without a year.
"""

import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import lru_cache
from typing import Any, Protocol

from service.archive.collation import collation_of
from service.archive.dates import latest_of, occurs_between, parse_edtf
from service.archive.fields import ArchiveFields, Filter, FormatField, RecordFields
from service.archive.marks import Searched
from service.release.labels import shown_label
from service.release.projection import PublicRecord

#: Sort before and after every real day.
UNBOUNDED_EARLY = "0000-00-00"
UNBOUNDED_LATE = "9999-99-99"
#: Days outside every real one, as ordinals of the proleptic Gregorian calendar.
DAY_EARLY, DAY_LATE = 0, 10_000_000

#: The sort key of a record that has nothing to be sorted by: after every other.
UNKNOWN = "\U0010ffff"

#: Longest text that can be asked for as a value, in characters.
VALUE_LENGTH = 256
#: The name of the terms of what a record names in any role.
REFERS_TO = "refers_to"
#: The value of a term that finds the records which state nothing to be filtered by. No value is empty. A release has one for
#: each filter of which a record may have no value, so that such records are found as fast as others; it is all that no other
#: term of the filter finds.
NO_VALUE = ""

#: The columns of the points of places that are claimed.
LATITUDE_CLAIMED, LONGITUDE_CLAIMED = "latitude_claimed", "longitude_claimed"

#: The term of events and places that can be drawn on a map: its value is "true" or "false".
HAS_POINT = "has_point"


class Hierarchies(Protocol):
    """What indexing asks about the trees of the same archive."""

    def and_wider(self, record_id: str) -> tuple[str, ...]:
        """Return a place and every place it lies in, or a topic and every broader one."""

    def country(self, place_id: str) -> str | None:
        """Return a place's country: its own, or that of the nearest place around it that states one."""

    def point(self, place_id: str) -> tuple[float, float] | None:
        """Return a place's latitude and longitude in degrees."""

    def is_disputed(self, event: PublicRecord) -> bool:
        """Tell whether what is said of an event cannot all be true."""

    def is_revised(self, record_id: str) -> bool:
        """Tell whether another record revises this one."""


@dataclass(slots=True)
class Entries:
    """All that one record is found by, beside its sort keys."""

    #: (filter, value), each pair once.
    terms: set[tuple[str, str]]
    #: Earliest and latest day of each date that can be filtered by, sentinels where unbounded.
    days: dict[str, tuple[str, str]] = field(default_factory=dict)
    #: Latitude and longitude of an event's place.
    point: tuple[float, float] | None = None
    #: Least and greatest value that each figure which can be filtered by may have.
    ranges: dict[str, tuple[float, float]] = field(default_factory=dict)
    #: The same as `days`, of each date that somebody claims for the record.
    claimed: list[tuple[str, tuple[str, str]]] = field(default_factory=list)
    #: The same as `point`, of each place that somebody claims for an event; None for a place without one.
    claimed_points: list[tuple[float, float] | None] = field(default_factory=list)


#: Adds what follows from one field of a record to what the record is found by.
_Index = Callable[[PublicRecord, Hierarchies, Entries], None]


class Indexer:
    """Finds out what each record of one archive is found by."""

    def __init__(self, fields: ArchiveFields, trees: Hierarchies) -> None:
        self._trees = trees
        self._steps = {each.record: _Steps(each) for each in fields}

    def entries(self, public: PublicRecord) -> Entries:
        """Return what a public record is found by."""
        entries, trees, steps = Entries(terms=set()), self._trees, self._steps[public["record"]]
        for step in steps.always:
            step(public, trees, entries)
        for name, of_field in steps.of_field.items():
            if name in public:
                for step in of_field:
                    step(public, trees, entries)
        return entries


class _Steps:
    """What is to be done with a record of one type: always, and only where it has a certain field. Most fields are not stated."""

    def __init__(self, record: RecordFields) -> None:
        self.always: list[_Index] = [_references_of(record)]
        self.of_field: dict[str, list[_Index]] = {}
        for by in record.filters:
            self._add(_term(by), by.path[0] if len(by.path) > 1 or by.field.default in (None, []) else None)
        for each in record.fields:
            if (special := _SPECIAL.get(each.behaviour or "")) is not None:
                self._add(special, None)

    def _add(self, step: _Index, field: str | None) -> None:
        (self.always if field is None else self.of_field.setdefault(field, [])).append(step)


def _references_of(record: RecordFields) -> _Index:
    """Return what adds a term for every record that a record names."""

    def add(public: PublicRecord, _: Hierarchies, entries: Entries) -> None:
        entries.terms.update([(REFERS_TO, each) for each in referred_to(public, record)])

    return add


def equal_filters(record: RecordFields) -> tuple[str, ...]:
    """Return the filters of a type of record that compare for equality and of which a record may have no value."""
    named = {each.name for each in record.filters if each.field.kind not in ("date", "number", "truth")}
    derived = {name for each in record.fields for name in _DERIVED_FILTERS.get(each.behaviour or "", ())}
    return tuple(sorted(named | derived))


#: The filters that follow from fields with a special behaviour, and may have no value.
_DERIVED_FILTERS: dict[str, tuple[str, ...]] = {"event_place": ("country",), "country": ("country",)}


# --- Terms ----------------------------------------------------------------------------------------------------------


def _term(by: Filter) -> _Index:
    """Return what adds the terms of one filter: the values of a field, or of a field of a record's parts."""
    name, is_truth, terms = by.name, by.field.kind == "truth", by.terms
    if by.field.kind in ("date", "number"):
        return _span(by)
    if by.is_latest:
        return _latest_term(by)
    values = _reader(by.path, by.field.default)

    def add(public: PublicRecord, _: Hierarchies, entries: Entries) -> None:
        for value in values(public):
            entries.terms.add((name, str(value).lower() if is_truth else asked_as(str(value))))

    def add_wider(public: PublicRecord, trees: Hierarchies, entries: Entries) -> None:
        and_wider = trees.and_wider if terms is None else terms.and_wider
        for value in values(public):
            entries.terms.update([(name, wider) for wider in and_wider(value)])

    return add_wider if by.is_wide or terms is not None else add


def asked_as(value: str) -> str:
    """Return a value as it can be asked for: a text that is too long for an address, by its beginning."""
    return value if len(value) <= VALUE_LENGTH else value[: VALUE_LENGTH - 1] + "…"


def _latest_term(by: Filter) -> _Index:
    """Return what adds the term of the latest of some parts by their dates. What held before it would find what is past."""
    *way, value = by.path
    parts = _reader(tuple(way))

    def add(public: PublicRecord, _: Hierarchies, entries: Entries) -> None:
        if (latest := latest_of(parts(public), lambda part: part.get("date"))) is not None:
            entries.terms.add((by.name, str(latest[value])))

    return add


def _span(by: Filter) -> _Index:
    """Return what adds the days that a date lies between, or the value of a number: of several, from the first to the last."""
    name, is_number, values = by.name, by.field.kind == "number", _reader(by.path)

    def add(public: PublicRecord, _: Hierarchies, entries: Entries) -> None:
        for value in values(public):
            if is_number:
                low, high = entries.ranges.get(name, (value, value))
                entries.ranges[name] = (min(low, value), max(high, value))
            else:
                _index_days(name, value, entries)

    return add


#: Returns every value of one field of a record, or of a part of one.
_Reader = Callable[[Mapping[str, Any]], Iterable[Any]]


def _reader(path: tuple[str, ...], default: object = None) -> _Reader:
    """Return what reads every value that a path of names leads to. A public record leaves a field out that is at its default."""
    name, *rest = path
    if not rest:

        def read(holder: Mapping[str, Any]) -> Iterable[Any]:
            value = holder.get(name, default)
            return value if isinstance(value, list) else () if value is None else (value,)

        return read
    inner = _reader(tuple(rest), default)

    def read_parts(holder: Mapping[str, Any]) -> Iterable[Any]:
        value = holder.get(name)
        if isinstance(value, list):
            return [each for part in value for each in inner(part)]
        return () if value is None else inner(value)

    return read_parts


def _index_days(name: str, edtf: str | None, entries: Entries) -> None:
    if edtf is None:
        return
    first, last = days_of(edtf)
    # Of several dates, from the first to the last.
    known = entries.days.get(name, (first, last))
    entries.days[name] = min(first, known[0]), max(last, known[1])
    if (month_day := parse_edtf(edtf).month_day) is not None:
        entries.terms.add((yearless_filter(name), month_day))


def _index_date(event: PublicRecord, _: Hierarchies, entries: Entries) -> None:
    entries.terms.add(("undated", "true" if event["date"] is None else "false"))
    _index_days("date", event["date"], entries)


def _index_event_place(event: PublicRecord, trees: Hierarchies, entries: Entries) -> None:
    """Let an event be found by its own place and by each that is claimed for it, and tell where it is found for sure."""
    own, claimed = event.get("place"), claimed_places(event)
    entries.point = None if own is None else trees.point(own)
    entries.claimed_points = [trees.point(place) for place in claimed]
    _index_has_point([entries.point, *entries.claimed_points], entries)
    places = [own, *claimed]
    _index_unsure("country", [_country_of(place, trees) for place in places], entries)
    if claimed:
        _index_unsure("place", [set() if place is None else set(trees.and_wider(place)) for place in places], entries)


def _index_own_country(place: PublicRecord, trees: Hierarchies, entries: Entries) -> None:
    _index_has_point([trees.point(place["id"])], entries)
    entries.terms.update(("country", country) for country in _country_of(place["id"], trees))


def _country_of(place: str | None, trees: Hierarchies) -> set[str]:
    """Return the country of a place; nothing where none is stated."""
    country = None if place is None else trees.country(place)
    return set() if country is None else {country}


def _index_has_point(points: Iterable[tuple[float, float] | None], entries: Entries) -> None:
    has_point = any(point is not None for point in points)
    entries.terms.add((HAS_POINT, "true" if has_point else "false"))


def _index_unsure(name: str, accounts: list[set[str]], entries: Entries) -> None:
    """Add the terms of what an event and each claim about it say: all of them, and those that not every account agrees on."""
    every, sure = set[str]().union(*accounts), set.intersection(*accounts)
    entries.terms.update((name, value) for value in every)
    entries.terms.update((unsure_filter(name), value) for value in every - sure)


def claimed_places(event: Mapping[str, Any]) -> list[str]:
    """Return each place that is claimed for an event, once, in the order of identifiers."""
    return sorted({claim["value"] for claim in event.get("claims", ()) if claim["field"] == "place"})


def _index_identifiers(public: PublicRecord, _: Hierarchies, entries: Entries) -> None:
    for each in public.get("identifiers", ()):
        entries.terms.add(("identifier", f"{each['scheme']}:{each['value']}"))


def _index_claims(event: PublicRecord, trees: Hierarchies, entries: Entries) -> None:
    """Let an event be found by the dates that are claimed for it, too. For places see `_index_event_place`."""
    entries.terms.add(("disputed", "true" if trees.is_disputed(event) else "false"))
    for claim in event.get("claims", ()):
        name, value = claim["field"], claim["value"]
        if name == "date":
            if (month_day := parse_edtf(value).month_day) is not None:
                entries.terms.add((yearless_filter(claimed_filter(name)), month_day))
            else:
                entries.claimed.append((name, days_of(value)))


def _index_revised(statistic: PublicRecord, trees: Hierarchies, entries: Entries) -> None:
    entries.terms.add(("current", "false" if trees.is_revised(statistic["id"]) else "true"))


def _index_range(statistic: PublicRecord, _: Hierarchies, entries: Entries) -> None:
    if (stated := stated_range(statistic)) is not None:
        entries.ranges["value"] = stated


#: What fields are found by that something is special about, by the name of their behaviour.
_SPECIAL: dict[str, _Index] = {
    "event_date": _index_date,
    "event_place": _index_event_place,
    "country": _index_own_country,
    "stated_range": _index_range,
    "identifiers": _index_identifiers,
    "claims": _index_claims,
    "revisions": _index_revised,
}


def referred_to(public: PublicRecord, record: RecordFields) -> frozenset[str]:
    """Return the identifier of every other record that a public record names, in whatever role, claims included."""
    found = claimed_places(public)
    _find_references(public, _reference_tree(record), found)
    return frozenset(found) - {public["id"]}


#: The fields of a record or part that name records, and those that hold parts with such fields, with the fields of these.
_ReferenceTree = tuple[tuple[str, "_ReferenceTree"], ...]


@lru_cache(512)
def _reference_tree(record: RecordFields) -> _ReferenceTree:
    return _branches(record.references)


def _branches(paths: Iterable[tuple[str, ...]]) -> _ReferenceTree:
    beneath: dict[str, list[tuple[str, ...]]] = {}
    for name, *rest in paths:
        beneath.setdefault(name, []).extend([tuple(rest)] if rest else [])
    return tuple((name, _branches(inner)) for name, inner in beneath.items())


def _find_references(holder: Mapping[str, Any], tree: _ReferenceTree, found: list[str]) -> None:
    for name, beneath in tree:
        value = holder.get(name)
        if value is None:
            continue
        if not beneath:
            found += value if isinstance(value, list) else (value,)
        else:
            for part in value if isinstance(value, list) else (value,):
                _find_references(part, beneath, found)


# --- Sort keys --------------------------------------------------------------------------------------------------------


def sort_keys(public: PublicRecord, record: RecordFields, language: str) -> tuple[str, ...]:
    """Return the keys of a record in ascending order, one for each field that its collection can be sorted by. Texts are in
    the order of `language`, the archive's.
    """
    return tuple([key(public) for key in _keys_of(record, language)])


@lru_cache(512)
def _keys_of(record: RecordFields, language: str) -> tuple[Callable[[PublicRecord], str], ...]:
    return tuple(_key(each, collation_of(language).key) for each in record.sorted)


#: Returns the key that a text is sorted by.
_TextKey = Callable[[str], str]


def _key(by: FormatField, text_key: _TextKey) -> Callable[[PublicRecord], str]:
    """Return what makes a record's key of one field."""
    if _is_name(by):
        return lambda public: text_key(shown_label(public))
    make, (*way, name) = _key_of_value(by, text_key), by.path

    def key(public: PublicRecord) -> str:
        holder: Mapping[str, Any] = public
        for step in way:
            holder = holder.get(step, _NOTHING)
        value = holder.get(name)
        return UNKNOWN if value is None else make(value)

    return key


def _is_name(by: FormatField) -> bool:
    named = by.mark(Searched)
    return named is not None and named.is_name


def order_by_name(record: RecordFields) -> str | None:
    """Return the order of records by what others call them (`label.text`), of those called alike by their identifiers; None where
    there is none.
    """
    return next((by.name for by in record.sorted if _is_name(by)), None)


def _key_of_value(by: FormatField, text_key: _TextKey) -> Callable[[Any], str]:
    terms = by.terms
    if by.kind == "date":
        return date_key
    if by.declared is not None and terms is not None:
        return lambda value: text_key(terms.label(value))
    return number_key if by.kind == "number" else lambda value: text_key(str(value))


#: What a part that is not there has in it.
_NOTHING: dict[str, Any] = {}


def number_key(number: float) -> str:
    """Return a number as hexadecimal digits whose alphabetical order is the order of the numbers."""
    [bits] = struct.unpack(">Q", struct.pack(">d", number))
    # IEEE 754 numbers order as integers do, once the sign is turned over, and all bits of the negative ones.
    return f"{bits ^ (2**64 - 1 if bits >> 63 else 1 << 63):016x}"


def date_key(edtf: str | None) -> str:
    """Return the key of a date: its earliest day, else its latest; `UNKNOWN` for a date with neither. Within a day, what
    has a time follows in the order of the times as stated.
    """
    span = None if edtf is None else parse_edtf(edtf)
    day = None if span is None else span.earliest or span.latest
    if span is None or day is None:
        return UNKNOWN
    return str(day) if span.time is None else f"{day}T{span.time}"


def sort_key(record: RecordFields, order: str, keys: Sequence[str], updated_at: str) -> str:
    """Return a record's key in a stored order. What is unknown comes last both ways: in the stored order that is read
    downwards, it comes first.
    """
    if order == "id":
        return ""
    if order == "updated_at":
        return updated_at
    key = keys[_slot(record, order)]
    return "" if order.startswith("-") and key == UNKNOWN else key


@lru_cache(1024)  # an archive with many fields of its own has hundreds of orders
def _slot(record: RecordFields, order: str) -> int:
    return record.slot(order)


# --- Columns ---------------------------------------------------------------------------------------------------------


def first_column(name: str) -> str:
    """Return the column of the earliest days of a date."""
    return f"{name}_first"


def last_column(name: str) -> str:
    """Return the column of the latest days of a date."""
    return f"{name}_last"


def low_column(name: str) -> str:
    """Return the column of the least values of a figure."""
    return f"{name}_low"


def high_column(name: str) -> str:
    """Return the column of the greatest values of a figure."""
    return f"{name}_high"


def claimed_filter(name: str) -> str:
    """Return the name under which the dates are kept that are claimed for records."""
    return f"claimed_{name}"


def unsure_filter(name: str) -> str:
    """Return the term of records that something is claimed of: its values are those of a filter that they have for somebody,
    but not for everybody.
    """
    return f"unsure_{name}"


def yearless_filter(name: str) -> str:
    """Return the term of records of which a date is a day without a year: its value is the month and day, such as 05-09.
    Nothing bounds such a date, but only a range that holds the day can hold what happened.
    """
    return f"{name}_yearless"


def sort_column(record: RecordFields, order: str) -> str:
    """Return the column of the text index that holds the places of records in a stored order."""
    if order in ("id", "-id"):
        return "ordinal"
    if order.removeprefix("-") == "updated_at":
        return "by_updated"
    return f"place_{record.slot(order)}" + ("_down" if order.startswith("-") else "")


# --- Spans ------------------------------------------------------------------------------------------------------------


def days_of(edtf: str) -> tuple[str, str]:
    """Return the first and last day that a date may be, sentinels where it is unbounded."""
    span = parse_edtf(edtf)
    earliest = UNBOUNDED_EARLY if span.earliest is None else str(span.earliest)
    latest = UNBOUNDED_LATE if span.latest is None else str(span.latest)
    return earliest, latest


def days_outside(month_days: Iterable[str], start: str | None, end: str | None) -> list[str]:
    """Return those of some days without a year that no year has between two days. A missing day leaves its side open."""
    first = date.min if start is None else date.fromisoformat(start)
    last = date.max if end is None else date.fromisoformat(end)
    return [each for each in month_days if not occurs_between(each, first, last)]


def day_number(day: str) -> int:
    """Return a day as a number that orders as days do; sentinels stay outside every real day."""
    if day in ("", UNBOUNDED_EARLY):
        return DAY_EARLY
    return DAY_LATE if day == UNBOUNDED_LATE else date.fromisoformat(day).toordinal()


def stated_range(statistic: PublicRecord) -> tuple[float, float] | None:
    """Return the least and greatest value a stated figure may have, or None where no number is stated.

    Bounds where there are any, else the value itself. An exclusive bound is the next number inside it.
    """
    value, lower, upper = (statistic.get(name) for name in ("value", "lower", "upper"))
    if lower is None and upper is None:
        return None if value is None else (value, value)
    low = -math.inf if lower is None else float(lower)
    high = math.inf if upper is None else float(upper)
    if not statistic.get("lower_inclusive", True):
        low = math.nextafter(low, math.inf)
    if not statistic.get("upper_inclusive", True):
        high = math.nextafter(high, -math.inf)
    return low, high
