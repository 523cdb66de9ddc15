"""From a public record to what it is found by: terms for filters, keys for sorting, spans for ranges.

Costs that grow with the archive are paid here, once: narrower topics and inner places are spelled out, so that a
request asks for one term only. The names of terms are the names of the API's filters, but for `HAS_POINT` and `YEARLESS`.
"""

import math
import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Protocol

from service.archive.dates import occurs_between, parse_edtf
from service.archive.model import PLURALS, RecordType
from service.release.projection import PublicRecord

#: Sort before and after every real day.
UNBOUNDED_EARLY = "0000-00-00"
UNBOUNDED_LATE = "9999-99-99"
#: Days outside every real one, as ordinals of the proleptic Gregorian calendar.
DAY_EARLY, DAY_LATE = 0, 10_000_000

#: Longest sort key, in characters: enough to order by, short enough to keep the index narrow. Ties are ordered by id.
KEY_LENGTH = 64

#: The sort orders of each collection, the default first. A leading "-" is no order of its own: see `DATED_SORTS`.
SORTS: dict[str, tuple[str, ...]] = {
    "sources": ("id", "title", "published", "updated_at"),
    "agents": ("id", "label", "updated_at"),
    "places": ("id", "name", "updated_at"),
    "topics": ("id", "label", "updated_at"),
    "events": ("date", "id", "title", "updated_at"),
    "testimonies": ("id", "title", "given", "updated_at"),
    "statistics": ("id", "title", "stated_on", "updated_at"),
    "responses": ("id", "date", "updated_at"),
}

#: Sorts by a date that may be unknown. Unknown comes last both ways, so the descending order has keys of its own.
DATED_SORTS = frozenset({"date", "given", "published", "stated_on"})
TEXT_SORTS = frozenset({"title", "name", "label"})


#: The term of events and places that can be drawn on a map: its value is "true" or "false".
HAS_POINT = "has_point"
#: The term of events whose date is a day without a year: its value is the month and day, such as 05-09. Nothing bounds
#: such a date, but only a range that holds the day can hold the event.
YEARLESS = "yearless"


class Hierarchies(Protocol):
    """What indexing asks about the trees of the same archive."""

    def place_and_around(self, place_id: str) -> tuple[str, ...]:
        """Return a place and every place it lies in."""

    def topic_and_broader(self, topic_id: str) -> tuple[str, ...]:
        """Return a topic and every broader one."""

    def country(self, place_id: str) -> str | None:
        """Return a place's country: its own, or that of the nearest place around it that states one."""

    def point(self, place_id: str) -> tuple[float, float] | None:
        """Return a place's latitude and longitude in degrees."""


@dataclass(slots=True)
class Entries:
    """All that one record is found by."""

    #: (filter, value), each pair once.
    terms: set[tuple[str, str]]
    #: The keys of its collection's orders by title, label or name, and by date; empty where there is none.
    by_text: str
    by_date: str
    #: Earliest and latest day of an event, sentinels where unbounded.
    days: tuple[str, str] | None = None
    #: Latitude and longitude of an event's place.
    point: tuple[float, float] | None = None
    #: Least and greatest value a statistic's figure may have.
    range: tuple[float, float] | None = field(default=None)


def index_record(public: PublicRecord, trees: Hierarchies, *, by_text: str, by_date: str) -> Entries:
    """Return what `public` is found by, beside the keys that it is sorted by."""
    record: RecordType = public["record"]
    entries = Entries(terms=set(_terms(public, trees)), by_text=by_text, by_date=by_date)
    if record == "event":
        entries.days = event_days(public["date"])
        place = public.get("place")
        entries.point = None if place is None else trees.point(place)
    elif record == "statistic":
        entries.range = stated_range(public)
    return entries


# --- Terms ----------------------------------------------------------------------------------------------------------

#: Filters that compare one field of the record as it stands, by record type.
_PLAIN_TERMS: dict[RecordType, tuple[str, ...]] = {
    "source": ("type", "language", "publisher"),
    "agent": ("kind",),
    "place": ("kind",),
    "topic": ("broader",),
    "event": ("type",),
    "testimony": ("witness", "language", "reported_by", "attribution"),
    "statistic": ("unit", "qualifier", "asserted_by", "reported_by", "relative_to"),
    "response": ("party", "kind"),
}


def _terms(public: PublicRecord, trees: Hierarchies) -> Iterator[tuple[str, str]]:  # noqa: PLR0912 - a table
    record: RecordType = public["record"]
    for name in _PLAIN_TERMS[record]:
        if name in public:
            yield name, public[name]
    for topic in [public["id"]] if record == "topic" else public.get("topics", []):
        for broader in trees.topic_and_broader(topic):
            yield "topic", broader
    place = public["id"] if record == "place" else public.get("place")
    if place is not None:
        for around in trees.place_and_around(place):
            yield "place", around
    for source in [public["id"]] if record == "source" else cited_sources(public):
        yield "source", source
    if record == "testimony":
        for event in public.get("events", []):
            yield "event", event
    if record == "response":
        for subject in public.get("about", []):
            yield "about", subject
    if record == "event":
        yield "undated", "true" if public["date"] is None else "false"
        if public["date"] is not None and (month_day := parse_edtf(public["date"]).month_day) is not None:
            yield YEARLESS, month_day
        for participant in public.get("participants", []):
            yield "participant", participant["agent"]
        for act in public.get("acts", []):
            yield "act", act["type"]
    if record in ("event", "place") and place is not None:
        country = trees.country(place)
        if country is not None:
            yield "country", country
    if record in ("event", "place"):
        yield HAS_POINT, "true" if place is not None and trees.point(place) is not None else "false"


def cited_sources(public: PublicRecord) -> Iterator[str]:
    """Yield the source of every citation of a record, those of an event's acts included."""
    for citation in public.get("citations", []):
        yield citation["source"]
    for act in public.get("acts", []):
        for citation in act["citations"]:
            yield citation["source"]


# --- Sort keys --------------------------------------------------------------------------------------------------------


def text_key(text: str) -> str:
    """Return the key that titles and labels are ordered by: without regard to case and to accents written apart."""
    if text.isascii():
        return text.lower()[:KEY_LENGTH]
    folded = unicodedata.normalize("NFKD", text.casefold())
    return "".join(char for char in folded if not unicodedata.combining(char))[:KEY_LENGTH]


def date_key(edtf: str | None) -> str:
    """Return the key of a date: its earliest day, else its latest; `UNBOUNDED_LATE` for a date with neither."""
    span = None if edtf is None else parse_edtf(edtf)
    day = None if span is None else span.earliest or span.latest
    return UNBOUNDED_LATE if day is None else str(day)


def sort_key(order: str, by_text: str, by_date: str, updated_at: str) -> str:
    """Return a record's key in a stored order. Unknown dates come last both ways: in the stored order that is read
    downwards, they come first.
    """
    if order == "id":
        return ""
    if order == "updated_at":
        return updated_at
    if order in DATED_SORTS:
        return by_date
    if order.startswith("-"):
        return "" if by_date == UNBOUNDED_LATE else by_date
    return by_text


def stored_orders(collection: str) -> Iterator[str]:
    """Yield the orders of a collection that are kept. A descending order has one of its own where unknown dates must
    stay last.
    """
    for name in SORTS[collection]:
        yield name
        if name in DATED_SORTS:
            yield f"-{name}"


def text_of(public: PublicRecord) -> str:
    """Return the key of a record's title, label or name; nothing where its collection has no such order."""
    for sort in SORTS[PLURALS[public["record"]]]:
        if sort == "label" and public["record"] == "agent":
            return text_key(public["name"] if public["name_policy"] == "published" else public["label"])
        if sort in TEXT_SORTS:
            return text_key(public[sort])
    return ""


def date_of(public: PublicRecord) -> str:
    """Return the key of a record's date; nothing where its collection has no such order."""
    for sort in SORTS[PLURALS[public["record"]]]:
        if sort in DATED_SORTS:
            return date_key(public.get(sort))
    return ""


# --- Spans ------------------------------------------------------------------------------------------------------------


def event_days(edtf: str | None) -> tuple[str, str] | None:
    """Return the first and last day an event may have happened on, or None for an undated event."""
    if edtf is None:
        return None
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
