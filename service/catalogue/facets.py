"""Facets: how many records of a list have each value of a field. Counted from the sets of the release or, of a list with words,
by the text index; named from the database.

A facet of topics or places counts what its filter would find: a record under a narrower topic counts for the broader.
"""

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from threading import Lock
from typing import TypedDict

import orjson
from cachetools import LRUCache
from tantivy import Occur, Query

from service.archive.collation import collation_of
from service.archive.identifiers import RECORD_OF
from service.archive.terms import Terms
from service.catalogue.criteria import Criteria, Listed
from service.catalogue.languages import Called, Wishes, is_record_id, look_up
from service.catalogue.parameters import invalid_parameters
from service.catalogue.queries import EXCLUDING, Days, days_of
from service.catalogue.search import Aggregation, Counted, TextIndex
from service.catalogue.sets import RecordSets
from service.catalogue.value_counts import FEW_RECORDS, UNKNOWN, ValueCounts
from service.errors import ParameterError
from service.release.indexing import yearless_filter
from service.release.manifest import DATABASE, INDEX
from service.release.opening import Release
from service.release.text_index import FIRST_SET, MOST_SETS, SETS, UNNUMBERED, bucket_name, bucket_of

#: Buckets of a timeline: a hundred years of months. One event of "some time since 1500" would have thousands.
LONGEST_TIMELINE = 1200
#: Values more than are shown that the engine is asked for: what is left out is nearly always rarer than what is shown,
#: which spares counting all.
BESIDE = 100
#: Values that the engine keeps of each part of its index while it counts; it can't keep more.
_KEPT = 65_000
#: The same among sets.
_NO_SET = 0
#: Counts that are kept: a few megabytes.
BUCKETS_KEPT = 20_000
#: Bytes of a question that is kept beside what was counted for it; of a longer one, its hash is.
LONGEST_KEY = 1000
#: Identifiers looked up at a time.
_BATCH = 500
#: Days that a date without a year can name, 29 February among them.
DAYS_OF_A_YEAR = 366
_TIMELINES = {"year", "month"}
#: The bucket of a timeline for what may go on after the latest day that any event of the archive states.
LATER = "later"
#: The term of events on a day without a year.
_YEARLESS = yearless_filter("date")
_DATES = frozenset({"date_from", "date_to"})


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many records have a value; None stands for those that have none."""

    value: str | None
    label: str | None
    count: int


@dataclass(frozen=True, slots=True)
class TermBucket(Bucket):
    """The same of a term of a vocabulary that has levels: `broader` is the term directly above."""

    broader: str | None


class Broader(TypedDict):
    """The topic that another lies below, or the place that another lies in."""

    id: str
    label: str


@dataclass(frozen=True, slots=True)
class RecordBucket(Bucket):
    """The same of a topic or a place: `broader` is the one directly above, which tells two of the same label apart."""

    broader: Broader | None


class Facets:
    """Counts facets over the lists of one release, and keeps what was counted: every page of a list has the same ones.
    Threads may share it.
    """

    def __init__(self, release: Release, index: TextIndex, sets: RecordSets) -> None:
        self._release = release
        self._index = index
        self._latest: dict[str, int] = {}
        self._counts = ValueCounts(release, sets)
        self._kept: LRUCache[tuple[bytes, str], list[Bucket]] = LRUCache(
            BUCKETS_KEPT, getsizeof=lambda buckets: 1 + len(buckets)
        )
        self._lock = Lock()

    def count(self, criteria: Listed) -> dict[str, list[Bucket]]:
        """Return the facets that are asked for, each counted over the whole list. Raises InvalidParameters where a
        timeline would be too long, and ReleaseDamaged.
        """
        for needed in (INDEX, DATABASE):  # by what was not kept
            self._release.require(needed)
        asked = orjson.dumps([criteria.collection, criteria.filters(), criteria.facet_mode, criteria.facet_limit])
        # What is kept must not be long because a question was: one may name thousands of records.
        asked = asked if len(asked) <= LONGEST_KEY else hashlib.sha256(asked).digest()
        keys = {name: (asked, name) for name in criteria.facets}
        with self._lock:
            kept = {name: buckets for name, key in keys.items() if (buckets := self._kept.get(key)) is not None}
        counted = self._count(criteria, [name for name in keys if name not in kept])
        for name, buckets in counted.items():
            with self._lock, suppress(ValueError):  # more than all that are kept
                self._kept[keys[name]] = buckets
        both = kept | counted
        return {name: both[name] for name in keys}

    def _latest_bucket(self, unit: str) -> int:
        """Return the year or month of the latest day that any event of the archive states."""
        if unit not in self._latest:
            columns = [f"{unit}_{end}" for end in ("from", "to", "within")]
            counted = self._index.aggregate(Query.all_query(), {column: _terms(column, _KEPT) for column in columns})
            self._latest[unit] = max(max(_by_number(each), default=0) for each in counted.values())
        return self._latest[unit]

    def _count(self, criteria: Listed, names: list[str]) -> dict[str, list[Bucket]]:
        """Count facets: those that are counted over the same records together."""
        alike: dict[frozenset[str], list[str]] = {}
        for name in names:
            own = (_DATES if name in _TIMELINES else {name}) & _names_of(criteria)
            alike.setdefault(frozenset(own if criteria.facet_mode == "others" else ()), []).append(name)
        facets: dict[str, list[Bucket]] = {}
        for ignored, some in alike.items():
            found = self._count_from_sets(criteria, ignored, some)
            facets |= found | self._count_in_index(criteria, ignored, [name for name in some if name not in found])
        return facets

    def _count_from_sets(self, criteria: Listed, ignored: frozenset[str], names: list[str]) -> dict[str, list[Bucket]]:
        """Count those of some facets that the release has sets for; of a list with words, none."""
        if not isinstance(criteria, Criteria) or criteria.q is not None:
            return {}
        members = self._counts.members(criteria, ignoring=ignored)
        facets = {}
        for name in names:
            if name not in _TIMELINES:
                counts = self._counts.count(members, criteria.collection, name, limit=criteria.facet_limit)
                if counts is not None:
                    facets[name] = self._named(criteria, name, counts)
        return facets

    def _count_in_index(self, criteria: Listed, ignored: frozenset[str], names: list[str]) -> dict[str, list[Bucket]]:
        """Count facets by the text index."""
        if not names:
            return {}
        facets = {}
        query = self._index.query(criteria, ignoring=ignored)
        wanted = {key: each for name in names for key, each in _wanted(name, criteria).items()}
        counted = self._index.aggregate(query, wanted)
        for name in names:
            if name in _TIMELINES:
                assert isinstance(criteria, Criteria)
                facets[name] = _timeline(counted, criteria, name, latest=partial(self._latest_bucket, name))
            else:
                counts = _counts(self._index, query, counted[name], name, limit=criteria.facet_limit)
                facets[name] = self._named(criteria, name, counts)
        return facets

    def _named(self, criteria: Listed, name: str, counts: dict[str, int]) -> list[Bucket]:
        """Return the buckets of a facet that are shown."""
        terms = terms_of(self._release, criteria.collection, name)
        buckets = _buckets(self._release, counts, criteria.facet_limit, terms)
        return _with_broader(self._release, buckets) if name in SETS else buckets


def _names_of(criteria: Listed) -> set[str]:
    """Return the filters that are set, those that exclude under the name of what they exclude."""
    return {name.removesuffix(EXCLUDING) for name in criteria.filters()}


def _wanted(name: str, criteria: Listed) -> dict[str, Aggregation]:
    """Return what the engine has to count for a facet."""
    if name in _TIMELINES:
        assert isinstance(criteria, Criteria)
        ends = ("in",) if _days(criteria).match == "certain" else ("from", "to", "within", "more")
        columns = [f"{name}_{end}" for end in ends]
        unknown = {"undated": _terms("is_undated", 2), _YEARLESS: _terms(f"is_{_YEARLESS}", DAYS_OF_A_YEAR)}
        return unknown | {column: _terms(column, _KEPT) for column in columns}
    if name in SETS:
        return {name: _terms(f"set_{name}", MOST_SETS + FIRST_SET, missing=_NO_SET)}
    return {name: _terms(f"is_{name}", criteria.facet_limit + BESIDE, missing=UNKNOWN)}


def _terms(column: str, size: int, **options: str | int) -> Aggregation:
    return {"terms": {"field": column, "size": size, "segment_size": _KEPT, **options}}


def _counts(index: TextIndex, query: Query, counted: Counted, name: str, *, limit: int) -> dict[str, int]:
    """Return how many records have each value, the unknown too: of all values, or of those that are the most frequent
    and all that are as frequent as the last of these.
    """
    if name in SETS:
        if UNNUMBERED not in counted.counts:
            return _apart(index.sets[name], counted)
    elif counted.is_whole or (counted.is_exact and _has_rarer(counted, limit)):
        counts = {str(value): number for value, number in counted.counts.items()}
        return counts if UNKNOWN in counts or counted.is_whole else counts | _without(index, query, name)
    return _every_value(index, query, name) | _without(index, query, name)


def _every_value(index: TextIndex, query: Query, name: str) -> dict[str, int]:
    """Return how many records of a query have each value. Of few records it is counted what they have; of many, each value
    of the archive is looked up, as it is of sets, which have no column of single values.
    """
    field = f"is_{name}"
    if name not in SETS and index.count(query) <= FEW_RECORDS:
        counted = index.aggregate(query, {field: _terms(field, _KEPT)})[field]
        if counted.is_whole and counted.is_exact:
            return {str(value): number for value, number in counted.counts.items()}
    return index.count_values(query, field)


def _apart(sets: dict[str, list[int]], counted: Counted) -> dict[str, int]:
    """Return how many records have each value, where it is known how many have each set of values."""
    records = [0] * (FIRST_SET + MOST_SETS)
    for number, found in counted.counts.items():
        records[int(number)] = found
    counts = {value: sum(map(records.__getitem__, numbers)) for value, numbers in sets.items()}
    return {value: number for value, number in counts.items() if number} | {UNKNOWN: records[_NO_SET]}


def _has_rarer(counted: Counted, limit: int) -> bool:
    """Tell whether the most frequent values are followed by one that is rarer than all that are shown."""
    known = [number for value, number in counted.counts.items() if value != UNKNOWN]
    return len(known) > limit and known[-1] < known[limit - 1]


def _without(index: TextIndex, query: Query, name: str) -> dict[str, int]:
    having = Query.exists_query(f"set_{name}" if name in SETS else f"is_{name}")
    return {UNKNOWN: index.count(Query.boolean_query([(Occur.Must, query), (Occur.MustNot, having)]))}


def _buckets(release: Release, counts: dict[str, int], limit: int, terms: Terms | None) -> list[Bucket]:
    known = sorted(((value, number) for value, number in counts.items() if value != UNKNOWN), key=_by_count)
    if len(known) > limit:
        least = known[limit - 1][1]
        known = [(value, number) for value, number in known if number >= least]
    if terms is None:
        labels = _labels(release, [value for value, _ in known])
        buckets = [Bucket(value, labels.get(value, value), number) for value, number in known]
    else:
        buckets = [_term_bucket(terms, value, number) for value, number in known]
    sorted_as = collation_of(release.head["language"]).key
    buckets.sort(key=lambda bucket: (-bucket.count, sorted_as(bucket.label or ""), bucket.value or ""))
    none = counts.get(UNKNOWN, 0)
    unknown = Bucket(None, None, none) if terms is None or not terms.has_levels else TermBucket(None, None, none, None)
    return [*buckets[:limit], unknown]


def _with_broader(release: Release, buckets: list[Bucket]) -> list[Bucket]:
    """Return buckets of topics or places, each with the one directly above."""
    values = [bucket.value for bucket in buckets if bucket.value is not None]
    above: dict[str, Broader] = {}
    for start in range(0, len(values), _BATCH):
        batch = values[start : start + _BATCH]
        marks = ",".join("?" * len(batch))
        rows = release.rows(f"SELECT ordinal FROM record WHERE id IN ({marks})", tuple(batch))  # noqa: S608
        for document in map(orjson.loads, release.documents([ordinal for (ordinal,) in rows])):
            wider = document["broader" if document["record"] == "topic" else "part_of"]
            if wider is not None:
                above[document["id"]] = {"id": wider["id"], "label": wider["label"]}
    return [RecordBucket(each.value, each.label, each.count, above.get(each.value or "")) for each in buckets]


def terms_of(release: Release, collection: str, facet: str) -> Terms | None:
    """Return the archive's own vocabulary that the values of a facet are from, if they are."""
    filters = () if collection not in RECORD_OF else release.fields.collection(collection).filters
    return next((by.field.terms for by in filters if by.name == facet and by.field.terms is not None), None)


def _term_bucket(terms: Terms, value: str, number: int) -> Bucket:
    # What the format has, and the archive does not name, stands here as everywhere.
    label = value if terms.is_plain(value) else terms.label(value)
    return TermBucket(value, label, number, terms.broader(value)) if terms.has_levels else Bucket(value, label, number)


def relabelled(
    facets: dict[str, list[Bucket]], wishes: Wishes, release: Release, collection: str, called: Called
) -> dict[str, list[Bucket]]:
    """Return facets with the labels of records and of the archive's own terms in a language wished for."""
    shown = dict(facets)
    for name, buckets in facets.items():
        terms = terms_of(release, collection, name)
        if terms is None:
            labels = called({each for bucket in buckets for each in _records_of(bucket)})
            shown[name] = [_called(bucket, labels) for bucket in buckets] if labels else buckets
            continue
        language = look_up(wishes, [*terms.languages, release.head["language"]])
        if language in terms.languages:
            shown[name] = [_in_language(bucket, terms, language) for bucket in buckets]
    return shown


def _records_of(bucket: Bucket) -> Iterator[str]:
    """Yield the records that a bucket names: its value, and what that lies below."""
    if bucket.value is not None and is_record_id(bucket.value):
        yield bucket.value
    if isinstance(bucket, RecordBucket) and bucket.broader is not None:
        yield bucket.broader["id"]


def _called(bucket: Bucket, labels: dict[str, tuple[str, str]]) -> Bucket:
    """Return a bucket with what its records are called in another language."""
    if bucket.value in labels:
        bucket = replace(bucket, label=labels[bucket.value][0])
    if isinstance(bucket, RecordBucket) and bucket.broader is not None and bucket.broader["id"] in labels:
        wider = bucket.broader["id"]
        bucket = replace(bucket, broader={"id": wider, "label": labels[wider][0]})
    return bucket


def _in_language(bucket: Bucket, terms: Terms, language: str | None) -> Bucket:
    if bucket.value is None or terms.is_plain(bucket.value):
        return bucket
    return replace(bucket, label=terms.label(bucket.value, language))


def _by_count(counted: tuple[str, int]) -> int:
    return -counted[1]


def _labels(release: Release, values: list[str]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for start in range(0, len(values), _BATCH):
        batch = values[start : start + _BATCH]
        marks = ",".join("?" * len(batch))
        labels.update(release.rows(f"SELECT id, text FROM label WHERE id IN ({marks})", tuple(batch)))  # noqa: S608
    return labels


def _timeline(counted: dict[str, Counted], criteria: Criteria, unit: str, *, latest: Callable[[], int]) -> list[Bucket]:
    """Return the years or months from the first to the last that has an event, how many may lie after the latest of the
    archive, and how many are unknown: those of the undated events and of those whose day has no year.

    An event is counted in every bucket that it may lie in, by its own date or by one that is claimed; with
    date_match=certain, only where it lies in one for sure by all of them.
    """
    dated = counted["undated"].counts
    yearless = sum(counted[_YEARLESS].counts.values())
    unknown = Bucket(None, None, dated.get("true", 0) + yearless)
    later = 0
    if _days(criteria).match == "certain":
        counts = _by_number(counted[f"{unit}_in"])
    else:
        begins, ends = (_by_number(counted[f"{unit}_{end}"]) for end in ("from", "to"))
        more = _by_number(counted[f"{unit}_more"])
        stretches = dated.get("false", 0) - yearless + sum(each * number for each, number in more.items())
        endless = stretches - sum(ends.values())
        stated = {*begins, *ends, *_by_number(counted[f"{unit}_within"])}
        last = max([*stated, *([latest()] if endless else [])], default=0)
        last, later = _cut(criteria, last, endless, unit=unit)
        first = min(stated, default=0)
        counts = (
            _possible(criteria, begins, ends, unit=unit, stretches=stretches, shown=(first, last)) if stated else {}
        )
    beside = [*([Bucket(LATER, LATER, later)] if later else []), unknown]
    filled = [bucket for bucket, number in counts.items() if number]
    if not filled:
        return beside
    shown = range(min(filled), max(filled) + 1)
    _refuse_long(unit, len(shown))
    names = ((bucket_name(bucket, unit), counts.get(bucket, 0)) for bucket in shown)
    return [*(Bucket(name, name, number) for name, number in names), *beside]


def _days(criteria: Criteria) -> Days:
    """Return the days that a list of events is narrowed to; both are None where it is not."""
    everything = Days("date", None, None, getattr(criteria, "date_match", "possible"))
    return next((each for each in days_of(criteria) if each.date == "date"), everything)


def _by_number(counted: Counted) -> dict[int, int]:
    return {int(bucket): number for bucket, number in counted.counts.items()}


def _cut(criteria: Criteria, last: int, endless: int, *, unit: str) -> tuple[int, int]:
    """Return the last bucket that is shown, and how many events may lie after it: none where the list ends before."""
    days = _days(criteria)
    if (
        criteria.facet_mode != "list"
        or days.end is None
        or (end := bucket_of(date.fromisoformat(days.end), unit)) > last
    ):
        return last, endless
    return end, 0


def _possible(
    criteria: Criteria,
    begins: dict[int, int],
    ends: dict[int, int],
    *,
    unit: str,
    stretches: int,
    shown: tuple[int, int],
) -> dict[int, int]:
    """Count without walking stretches of time: in a bucket lie all but those that end before or begin after it. Those of one
    event have no bucket in common.
    """
    first, last = shown
    if criteria.facet_mode == "list":
        days = _days(criteria)
        if days.start is not None:
            first = max(first, bucket_of(date.fromisoformat(days.start), unit))
    _refuse_long(unit, last - first + 1)
    ended = sum(number for bucket, number in ends.items() if bucket < first)
    begun = sum(number for bucket, number in begins.items() if bucket < first)
    always = stretches - sum(begins.values())  # no earliest day: begun before every bucket
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
