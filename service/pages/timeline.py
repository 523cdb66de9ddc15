"""The timeline: events between the days they may lie at; those without a year stand beside it, not on it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from service.catalogue.facets import LATER, Bucket
from service.catalogue.parameters import read_criteria
from service.pages.dates import month_in_words
from service.pages.lists import asked
from service.pages.reader import Document, Reader
from service.pages.views import View

#: Events drawn one by one; of more, the timeline shows how many each year has.
ONE_BY_ONE = 120
#: Width of the drawing and height of a line of it, in its own units.
WIDTH, LINE = 1000, 22
#: Up to so many years the months are written on the line.
SHOWN_IN_MONTHS = 2
#: The shortest line that is drawn for a day: so that it is seen.
_SHORTEST = 6.0


@dataclass(frozen=True, slots=True)
class Span:
    """One event on the timeline. Where an end is open, the line runs to the edge."""

    event: Document
    left: float
    right: float
    y: float
    open_start: bool
    open_end: bool


@dataclass(frozen=True, slots=True)
class Year:
    """How many events may lie in a year, and where its bar stands."""

    name: str
    count: int
    x: float
    width: float
    height: float
    href: str


def timeline_view(reader: Reader, _name: str) -> View:
    """Return the timeline of all events, or of those between `date_from` and `date_to`.

    Context: `spans` and `ticks`, or `years` where events are too many to be drawn one by one; `undated` (documents), `undated_total`, `total`,
    `date_from`, `date_to`, `width`, `height`.
    """
    pairs = [pair for pair in asked(reader.pairs) if pair[0] in ("date_from", "date_to")]
    model = reader.catalogue.criteria["events"]
    dated = read_criteria(model, [*pairs, ("undated", "false"), ("sort", "date"), ("limit", "200")])
    page = reader.catalogue.page(reader.catalogue.look_up(dated))
    undated = reader.few("events", 50, undated="true")
    context: dict[str, Any] = {
        "undated": undated,
        "total": page.total,
        "date_from": dict(pairs).get("date_from", ""),
        "date_to": dict(pairs).get("date_to", ""),
        "width": WIDTH,
    }
    if page.total <= ONE_BY_ONE:
        context |= _one_by_one(reader, [reader.read(each) for each in page.documents])
    else:
        context |= _by_year(reader, [*pairs, ("undated", "false")])
    return View("timeline.html", reader.words.text("Timeline"), context, api=("/events", [*pairs, ("sort", "date")]))


def _one_by_one(reader: Reader, events: list[Document]) -> dict[str, Any]:
    bounds = [_bounds(event) for event in events]
    known = [day for pair in bounds for day in pair if day is not None]
    if not known:
        # Events whose year is not stated are dated, but lie nowhere on a line of years.
        return {"spans": [], "ticks": [], "floating": events, "years": [], "height": 0}
    first, last = date(min(known).year, 1, 1), date(max(known).year, 12, 31)
    days = (last - first).days

    def at(day: date) -> float:
        return round(40 + (day - first).days / days * (WIDTH - 80), 1)

    spans: list[Span] = []
    floating = []
    for event, (earliest, latest) in zip(events, bounds, strict=True):
        if earliest is None and latest is None:
            floating.append(event)
            continue
        left = 0.0 if earliest is None else at(earliest)
        right = float(WIDTH) if latest is None else max(at(latest), left + _SHORTEST)
        y = (len(spans) + 1) * LINE
        spans.append(Span(event, left, right, y, earliest is None, latest is None))
    return {
        "spans": spans,
        "ticks": _ticks(reader, first.year, last.year, at),
        "floating": floating,
        "years": [],
        "height": (len(spans) + 1) * LINE + 24,
    }


def _bounds(event: Document) -> tuple[date | None, date | None]:
    found = [event["date"][end] for end in ("earliest", "latest")]
    earliest, latest = (None if day is None else date.fromisoformat(day) for day in found)
    return earliest, latest


def _ticks(reader: Reader, first: int, last: int, at: Callable[[date], float]) -> list[tuple[float, str]]:
    """Return where years begin, eight at most; where they are few, also quarters, by their first month."""
    if last - first < SHOWN_IN_MONTHS:
        months = [date(year, month, 1) for year in range(first, last + 1) for month in (1, 4, 7, 10)]
        return [(at(day), month_in_words(day, reader.words)) for day in months]
    step = max(1, -(-(last - first + 1) // 8))
    return [(at(date(year, 1, 1)), str(year)) for year in range(first, last + 1, step)]


def _by_year(reader: Reader, pairs: list[tuple[str, str]]) -> dict[str, Any]:
    criteria = read_criteria(reader.catalogue.criteria["events"], [*pairs, ("facets", "year"), ("limit", "1")])
    facets = reader.catalogue.facets(criteria) or {}
    buckets = [bucket for bucket in facets["year"] if bucket.value is not None]
    most = max((bucket.count for bucket in buckets), default=1)
    width = WIDTH / max(len(buckets), 1)
    years = []
    for index, bucket in enumerate(buckets):
        span = _days_of(buckets, index)
        href = reader.href("/timeline" if bucket.count <= ONE_BY_ONE else "/events", span)
        height = round(bucket.count / most * 200, 1)
        name = reader.words.text("later") if bucket.value == LATER else str(bucket.value)
        years.append(Year(name, bucket.count, round(index * width, 1), round(width, 1), height, href))
    return {"spans": [], "ticks": [], "floating": [], "years": years, "height": 230}


def _days_of(buckets: list[Bucket], index: int) -> list[tuple[str, str]]:
    """Return the filters for the days of a year, or for all that come after the last year."""
    year = str(buckets[index].value)
    if year != LATER:
        return [("date_from", year), ("date_to", year)]
    before = str(buckets[index - 1].value) if index else LATER
    return [] if before == LATER else [("date_from", f"{min(int(before) + 1, date.max.year):04}")]
