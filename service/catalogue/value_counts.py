"""Counts the values of a filter over a list without words: from the sets of the release, which is several times as fast as asking
the text index.
"""

from contextlib import suppress
from dataclasses import dataclass
from operator import attrgetter
from threading import Lock

from cachetools import LRUCache
from pyroaring import BitMap

from service.catalogue.criteria import Criteria
from service.catalogue.queries import Sure, Terms, conditions_of
from service.catalogue.sets import NOTHING, OVERHEAD, RecordSets, Term, bytes_of
from service.release.indexing import NO_VALUE, equal_filters, order_by_name
from service.release.opening import Release
from service.release.orders import MANY_VALUES, Named

#: Stands for records without a value; no value has control characters in it.
UNKNOWN = "\x00"
#: Records of which those that they name are gone through one by one: a fifth of a microsecond for each.
FEW_RECORDS = 5000
#: Bytes of sets that are kept at hand by filter. Those that questions name are kept besides, and are the same in memory.
SETS_KEPT = 8 << 20

#: The members of a list.
Members = BitMap | range


class ValueCounts:
    """Counts values over the lists of one release. Threads may share it."""

    def __init__(self, release: Release, sets: RecordSets) -> None:
        self._release = release
        self._sets = sets
        self._kept: LRUCache[tuple[str, str], _Values] = LRUCache(SETS_KEPT, getsizeof=attrgetter("bytes"))
        self._lock = Lock()

    def members(self, criteria: Criteria, *, ignoring: frozenset[str]) -> Members:
        """Return the members of a list without words. `ignoring` names filters to leave out."""
        collection = criteria.collection
        terms, spans, excluded = conditions_of(criteria)
        filters = [self._sets.find(collection, each) for each in terms if each.name not in ignoring]
        spans = [each for each in spans if not (isinstance(each, Sure) and each.name in ignoring)]
        without = [term for each in excluded if each.name not in ignoring for term in self._sets.find(collection, each)]
        found = self._sets.places(collection, filters, spans, "id")
        return self._sets.places_without(collection, found, without, "id")

    def count(self, members: Members, collection: str, name: str, *, limit: int) -> dict[str, int] | None:
        """Return how many of these members have each value of a filter, and how many have none, under `UNKNOWN`. Of values that
        are records, it may be the `limit` most frequent, of those alike the first by name. None where the text index counts
        faster.
        """
        values = self._values(collection, name)
        if values.sets is not None:
            counts = {value: _common(members, found) for value, found in values.sets}
            counts = {value: number for value, number in counts.items() if number}
        elif len(members) <= FEW_RECORDS and (named := self._release.arrays.named(collection, name)) is not None:
            counts = self._most_named(named, members, limit)
        else:
            return None
        return counts | {UNKNOWN: _common(members, values.lacking)}

    def _values(self, collection: str, name: str) -> "_Values":
        key = (collection, name)
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                return kept
        values = self._read_values(collection, name)
        with self._lock, suppress(ValueError):  # larger than all that are kept
            self._kept[key] = values
        return values

    def _read_values(self, collection: str, name: str) -> "_Values":
        statement = "SELECT value FROM term WHERE collection = ? AND name = ? AND value != ? LIMIT ?"
        found = self._release.rows(statement, (collection, name, NO_VALUE, MANY_VALUES + 1))
        sets = None
        if len(found) <= MANY_VALUES:
            sets = [(value, self._term(collection, name, value).found) for (value,) in found]
        if name in equal_filters(self._release.fields.collection(collection)):
            lacking = self._term(collection, name, NO_VALUE).found
        else:
            # Which records have none is not kept of filters that are true or false: these have two values.
            size = self._sets.collections[collection].size
            lacking = BitMap(range(size)).difference(*(members for _, members in sets or ()))
        return _Values(sets, lacking)

    def _term(self, collection: str, name: str, value: str) -> Term:
        return next(iter(self._sets.find(collection, Terms(name, (value,)))), NOTHING)

    def _most_named(self, named: Named, members: Members, limit: int) -> dict[str, int]:
        """Return how many of some members name each of the records that most of them do."""
        counted = named.counted(members)
        chosen = [*counted]
        if len(counted) > limit:
            least = sorted(counted.values(), reverse=True)[limit - 1]
            alike = [ordinal for ordinal, number in counted.items() if number == least]
            chosen = [ordinal for ordinal, number in counted.items() if number > least]
            chosen += self._first_by_name(alike, limit - len(chosen))
        return {self._release.keys(ordinal).id: counted[ordinal] for ordinal in chosen}

    def _first_by_name(self, ordinals: list[int], number: int) -> list[int]:
        """Return the first records in the order of their names; all where they are not in one order."""
        if len(ordinals) <= number:
            return ordinals
        lowest, highest = min(ordinals), max(ordinals)
        [collection] = [each for each in self._sets.collections.values() if 0 <= lowest - each.first < each.size]
        by_name = order_by_name(self._release.fields.collection(collection.name))
        if by_name is None or highest - collection.first >= collection.size:
            return ordinals
        order, first = self._sets.order(collection.name, by_name), collection.first
        places = sorted([order.places[ordinal - first] for ordinal in ordinals])
        return [first + order.members[place] for place in places[:number]]


@dataclass(frozen=True, slots=True)
class _Values:
    """The values of a filter, each with the members that have it, and the members that have none."""

    #: None where they are many.
    sets: list[tuple[str, BitMap]] | None
    lacking: BitMap

    @property
    def bytes(self) -> int:
        """About as many bytes as this takes."""
        sets = [self.lacking, *(found for _, found in self.sets or ())]
        return sum(OVERHEAD + bytes_of(each) for each in sets)


def _common(members: Members, found: BitMap) -> int:
    """Return how many members are in a set of members of the same collection."""
    return len(found) if isinstance(members, range) else members.intersection_cardinality(found)
