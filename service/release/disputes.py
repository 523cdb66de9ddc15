"""Where accounts of one event cannot all be true: what is claimed of it, the figures tied to it, and what disputes what.

Two values disagree where both cannot hold, not where they only differ: May 2021 and 9 May 2021 agree, and so do a town and
a street in it. Knows no database.
"""

import json
from collections.abc import Callable, Iterator
from typing import Any

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


def figures_of(statistic: PublicRecord) -> Iterator[tuple[str, str, float, float]]:
    """Yield, for each event that a figure is tied to, the event, what is counted, and the least and greatest value it allows.

    Only figures of the same thing can disagree. One that is stated as "about" allows no range, nor does one of which no
    number is stated.
    """
    stated = stated_range(statistic)
    is_open = statistic["qualifier"] == "about" and statistic.get("lower") is None and statistic.get("upper") is None
    if stated is None or is_open:
        return
    counted = json.dumps([statistic.get(name) for name in _COUNTED], sort_keys=True)
    for event in statistic.get("events", ()):
        yield event, counted, *stated


#: What makes two figures count the same thing.
_COUNTED = ("population", "unit", "breakdown", "period", "place", "relative_to")


def events_in_dispute(disputing: PublicRecord, disputed: PublicRecord) -> set[str]:
    """Return the events that are disputed where one record disputes another: an event at either end, and the events that
    both are accounts of.
    """
    ends = {each["id"] for each in (disputing, disputed) if each["record"] == "event"}
    return ends | (_events_of(disputing) & _events_of(disputed))


def _events_of(account: dict[str, Any]) -> set[str]:
    return set(account.get("events", ()))
