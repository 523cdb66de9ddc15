"""Facets: how many records of a list have each value of a field. Counted by the text index, named from the database.

A facet of topics or places counts what its filter would find: a record under a narrower topic counts for the broader.
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from tantivy import Occur, Query

from service.catalogue.criteria import EventCriteria, Listed, invalid_parameters
from service.catalogue.search import TextIndex, count_of
from service.errors import ParameterError
from service.release.indexing import text_key
from service.release.store import Release
from service.release.text_index import bucket_name, bucket_of

#: Buckets of a timeline: a hundred years of months. One event of "some time since 1500" would have thousands.
LONGEST_TIMELINE = 1200
#: Values of one facet that are ever looked at. The engine itself counts no more.
MOST_VALUES = 65_000
#: Stands for records without a value; no value has control characters in it.
_UNKNOWN = "\x00"
#: Identifiers looked up at a time.
_BATCH = 500
_TIMELINES = {"year", "month"}
_DATES = frozenset({"date_from", "date_to"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many records have a value; None stands for those that have none."""

    value: str | None
    label: str | None
    count: int


def count_facets(release: Release, index: TextIndex, criteria: Listed) -> dict[str, list[Bucket]]:
    """Return the facets that are asked for, each counted over the whole list. Raises InvalidParameters where a timeline
    would be too long.
    """
    facets = {}
    for name in dict.fromkeys(criteria.facets):
        own = _DATES if name in _TIMELINES else frozenset({name})
        query = index.query(criteria, ignoring=own if criteria.facet_mode == "others" else frozenset())
        if name in _TIMELINES:
            assert isinstance(criteria, EventCriteria)
            facets[name] = _timeline(index, criteria, query, name)
        else:
            facets[name] = _values(release, index, query, name, criteria.facet_limit)
    return facets


def _terms(index: TextIndex, query: Query, field: str, size: int, **options: object) -> list[tuple[Any, int]]:
    aggregation = {"of": {"terms": {"field": field, "size": size, "segment_size": MOST_VALUES, **options}}}
    found = index.searcher.aggregate(query, aggregation)
    return [(bucket["key"], bucket["doc_count"]) for bucket in found["of"]["buckets"]]


def _values(release: Release, index: TextIndex, query: Query, name: str, limit: int) -> list[Bucket]:
    # Two more than shown: one that tells whether the last place is shared, and the unknown.
    size = limit + 2
    counted = _terms(index, query, f"is_{name}", size, missing=_UNKNOWN)
    shown = [number for value, number in counted if value != _UNKNOWN]
    if len(counted) == size and counted[-1][1] == shown[limit - 1]:
        counted = _terms(index, query, f"is_{name}", MOST_VALUES, missing=_UNKNOWN)
    known = [(str(value), number) for value, number in counted if value != _UNKNOWN]
    unknown = next((number for value, number in counted if value == _UNKNOWN), None)
    if unknown is None:
        # It may have been too rare to be among the most frequent.
        unknown = _without(index, query, f"is_{name}")
    if len(known) > limit:
        least = known[limit - 1][1]
        known = [(value, number) for value, number in known if number >= least]
    labels = _labels(release, [value for value, _ in known])
    buckets = [Bucket(value, labels.get(value, value), number) for value, number in known]
    buckets.sort(key=lambda bucket: (-bucket.count, text_key(bucket.label or ""), bucket.value or ""))
    return [*buckets[:limit], Bucket(None, None, unknown)]


def _without(index: TextIndex, query: Query, field: str) -> int:
    having = Query.exists_query(field)
    without = Query.boolean_query([(Occur.Must, query), (Occur.MustNot, having)])
    return count_of(index.searcher.search(without, 1))


def _labels(release: Release, values: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for start in range(0, len(values), _BATCH):
        batch = values[start : start + _BATCH]
        marks = ",".join("?" * len(batch))
        labels.update(release.rows(f"SELECT id, text FROM label WHERE id IN ({marks})", tuple(batch)))  # noqa: S608
    return labels


def _timeline(index: TextIndex, criteria: EventCriteria, query: Query, unit: str) -> list[Bucket]:
    """Return the years or months from the first to the last that has an event, and the undated.

    An event is counted in every bucket that it may lie in; with date_match=certain, only where it lies in one for sure.
    """
    dated = dict(_terms(index, query, "is_undated", 2))
    unknown = Bucket(None, None, dated.get("true", 0))
    counts = (
        _certain(index, query, unit)
        if criteria.date_match == "certain"
        else _possible(index, criteria, query, unit, dated.get("false", 0))
    )
    filled = [bucket for bucket, number in counts.items() if number]
    if not filled:
        return [unknown]
    shown = range(min(filled), max(filled) + 1)
    _refuse_long(unit, len(shown))
    names = ((bucket_name(bucket, unit), counts.get(bucket, 0)) for bucket in shown)
    return [*(Bucket(name, name, number) for name, number in names), unknown]


def _certain(index: TextIndex, query: Query, unit: str) -> dict[int, int]:
    return {int(bucket): number for bucket, number in _terms(index, query, f"{unit}_in", MOST_VALUES)}


def _possible(index: TextIndex, criteria: EventCriteria, query: Query, unit: str, dated: int) -> dict[int, int]:
    """Count without walking intervals: in a bucket lie all dated events but those that end before or begin after it."""
    begins = {int(bucket): number for bucket, number in _terms(index, query, f"{unit}_from", MOST_VALUES)}
    ends = {int(bucket): number for bucket, number in _terms(index, query, f"{unit}_to", MOST_VALUES)}
    if not begins and not ends:
        return {}
    first, last = min(begins.keys() | ends.keys()), max(begins.keys() | ends.keys())
    if criteria.facet_mode == "list":
        if criteria.date_from is not None:
            first = max(first, bucket_of(date.fromisoformat(criteria.date_from), unit))
        if criteria.date_to is not None:
            last = min(last, bucket_of(date.fromisoformat(criteria.date_to), unit))
    _refuse_long(unit, last - first + 1)
    ended = sum(number for bucket, number in ends.items() if bucket < first)
    begun = sum(number for bucket, number in begins.items() if bucket < first)
    always = dated - sum(begins.values())  # no earliest day: begun before every bucket
    counts = {}
    for bucket in range(first, last + 1):
        begun += begins.get(bucket, 0)
        counts[bucket] = always + begun - ended
        ended += ends.get(bucket, 0)
    return counts


def _refuse_long(unit: str, length: int) -> None:
    if length > LONGEST_TIMELINE:
        coarser = " or ask for year" if unit == "month" else ""
        message = (
            f"{unit} would have {length:,} values, more than the {LONGEST_TIMELINE:,} that are counted; "
            f"narrow the list with date_from and date_to{coarser}"
        )
        raise invalid_parameters([ParameterError("facets", message)])
