"""Where accounts of one event cannot all be true: what is claimed of it, the figures tied to it, and what disputes what.

Two values disagree where both cannot hold, not where they only differ: May 2021 and 9 May 2021 agree, and so do a town and
a street in it. Knows no database.
"""

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from service.archive.dates import DateSpan, occurs_between, parse_edtf
from service.release.indexing import stated_range
from service.release.projection import PublicRecord

#: Returns a place and every place that it lies in.
AndWider = Callable[[str], tuple[str, ...]]


def claims_disagree(event: PublicRecord, and_wider: AndWider) -> bool:
    """Tell whether what is claimed of an event cannot all hold together with what the event itself says."""
    claimed: dict[str, set[str]] = {}
    for claim in event.get("claims", ()):
        own = event.get(claim["field"])
        claimed.setdefault(claim["field"], set() if own is None else {own}).add(claim["value"])
    return any(_DISAGREE[name](values, and_wider) for name, values in claimed.items())


def _dates_disagree(dates: set[str], _: AndWider) -> bool:
    spans = [parse_edtf(each) for each in dates]
    yearless = {span.month_day for span in spans} - {None}
    # Of all that begin, the last: where this is after the first of all that end, those two have no day in common.
    earliest = max((span.earliest for span in spans if span.earliest is not None), default=None)
    latest = min((span.latest for span in spans if span.latest is not None), default=None)
    if len(yearless) > 1 or (earliest is not None and latest is not None and earliest > latest):
        return True
    return any(not _has(span, day) for span in spans for day in yearless if day is not None)


def _has(span: DateSpan, month_day: str) -> bool:
    """Tell whether some year has a day within a span."""
    if span.earliest is None or span.latest is None:
        return True
    return occurs_between(month_day, span.earliest, span.latest)


def _places_disagree(places: set[str], and_wider: AndWider) -> bool:
    # Places that lie in one another are as many as one is above another: the narrowest has all of them around it.
    around = [frozenset(and_wider(each)) for each in places]
    return not places <= max(around, key=len)


def _types_disagree(types: set[str], _: AndWider) -> bool:
    return len(types) > 1


_DISAGREE: dict[str, Callable[[set[str], AndWider], bool]] = {
    "date": _dates_disagree,
    "place": _places_disagree,
    "type": _types_disagree,
}


class Figure(NamedTuple):
    """A figure that is tied to an event: what is counted, when and where as far as that is stated, and the range it allows."""

    event: str
    counted: str
    period: str | None
    place: str | None
    low: float
    high: float


#: What makes two figures count the same thing. A period or a place makes them differ only where both state one.
_COUNTED = ("population", "unit", "breakdown", "relative_to")


def figures_of(statistic: PublicRecord) -> Iterator[Figure]:
    """Yield a figure once for each event that it is tied to. One that is stated as "about" without bounds allows every
    value, so that it yields nothing, as one does of which no number is stated.
    """
    stated = stated_range(statistic)
    is_open = statistic["qualifier"] == "about" and statistic.get("lower") is None and statistic.get("upper") is None
    if stated is None or is_open:
        return
    counted = json.dumps([statistic.get(name) for name in _COUNTED], sort_keys=True)
    for event in statistic.get("events", ()):
        yield Figure(event, counted, statistic.get("period"), statistic.get("place"), *stated)


#: The highest of the least values that some figures allow, and the lowest of their greatest: no value fits all of them
#: where the first is above the second.
_Bounds = tuple[float, float]
_ANY: _Bounds = (-math.inf, math.inf)


def figures_disagree(figures: Iterable[Figure]) -> bool:
    """Tell whether two among figures that count the same thing cannot both hold. Each is looked at once."""
    cells: dict[tuple[str | None, str | None], _Bounds] = {}
    for each in figures:
        low, high = cells.get((each.period, each.place), _ANY)
        cells[each.period, each.place] = max(low, each.low), min(high, each.high)
    for (period, place), bounds in cells.items():
        beside = ((period, place), (None, place), (period, None), (None, None))
        if any(_clash(bounds, cells.get(cell, _ANY)) for cell in beside):
            return True
    # One that states a place alone and one that states a period alone may be about the same.
    return _clash_across(cells)


def _clash_across(cells: Mapping[tuple[str | None, str | None], _Bounds]) -> bool:
    of_places = [bounds for (period, place), bounds in cells.items() if period is None and place is not None]
    of_periods = [bounds for (period, place), bounds in cells.items() if period is not None and place is None]
    return bool(of_places and of_periods) and _clash(_all(of_places), _all(of_periods))


def _all(some: list[_Bounds]) -> _Bounds:
    return max(low for low, _ in some), min(high for _, high in some)


def _clash(one: _Bounds, other: _Bounds) -> bool:
    return one[0] > other[1] or other[0] > one[1]


def events_in_dispute(disputing: PublicRecord, disputed: PublicRecord) -> set[str]:
    """Return the events that are disputed where one record disputes another: an event at either end, and the events that
    both are accounts of.
    """
    ends = {each["id"] for each in (disputing, disputed) if each["record"] == "event"}
    return ends | (_events_of(disputing) & _events_of(disputed))


def _events_of(account: dict[str, Any]) -> set[str]:
    return set(account.get("events", ()))
