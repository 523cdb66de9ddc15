"""Sets of records: what a release keeps of them, and how conditions combine. Knows neither parameters nor HTTP.

A list is a set of *members* (see `release/tables.py`) or, in a sort order, of the *places* that they take in it. Sets are
Roaring bitmaps: combining two of 100,000 members takes microseconds, and so does finding the nth of what is left, so
that the last page costs what the first one does, and an exact total costs nothing.
"""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock

from pyroaring import BitMap

from service.catalogue.claims import Claimed, claimed_days, claimed_points, points_in
from service.catalogue.queries import Box, Days, Range, Since, Span, Stated, Sure, Terms, stated_column
from service.release.indexing import (
    REFERS_TO,
    day_number,
    days_outside,
    first_column,
    high_column,
    last_column,
    low_column,
    sort_key,
    unsure_filter,
    yearless_filter,
)
from service.release.manifest import DATABASE
from service.release.opening import Release
from service.release.orders import PLACED_FROM, Order

#: Bytes of sets that are kept at hand for each release.
SETS_KEPT = 16 << 20
#: Identifiers looked up by one SQL statement, at most. Their number is rounded up to a power of two, so that few statements are
#: compiled: always 50 would take ten times as long for one, of which most questions have no more.
NAMED_AT_ONCE = 64
#: Ranges (days, points, figures) of a collection with at most this many records are looked up on the event loop, and so is what
#: changed since a moment where that, or all else, is half as many. That takes a few milliseconds, and the event loop must not be
#: blocked for longer.
QUICK = 50_000
#: Records of which is kept when they last changed, and moments of which is kept where they lie in the order of change.
MOMENTS_KEPT = 4096
#: Identifiers of which is kept which record has them, if any: those that questions name.
NAMES_KEPT = 4096
#: Stands for the number of a term that the release does not keep. Numbers begin with 1.
UNKEPT = 0
#: Bytes that keeping a set costs besides: its names and the objects around it.
OVERHEAD = 500


@dataclass(frozen=True, slots=True)
class Term:
    """One value of one filter, and the set it finds: members, or places in an order. `bytes` is the set's size."""

    id: int
    found: BitMap
    bytes: int


#: Stands for a term that no record has.
NOTHING = Term(UNKEPT, BitMap(), 0)


@dataclass(frozen=True, slots=True)
class Collection:
    """Where the records of a collection lie: `size` ordinals from `first` on."""

    name: str
    first: int
    size: int


class RecordSets:
    """The sets of one release. Threads may share it."""

    def __init__(self, release: Release) -> None:
        self._release = release
        rows = release.rows("SELECT name, first, size FROM collection")
        self.collections = {name: Collection(name, first, size) for name, first, size in rows}
        # Not a cache of a library's: looking there takes longer than combining two sets does.
        self._kept: OrderedDict[tuple[str | int, ...], Term] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()
        # Looking for a moment asks the same few records each time: all those that are near the middle of some part.
        self._updated_at = lru_cache(MOMENTS_KEPT)(lambda ordinal: release.keys(ordinal).updated_at)
        self._changed = lru_cache(MOMENTS_KEPT)(self._find_changed)
        self._ordinal = lru_cache(NAMES_KEPT)(self._look_up)

    # --- What the release keeps -----------------------------------------------------------------------------------

    def order(self, collection: str, name: str) -> Order:
        """Return a stored order."""
        return self._release.arrays.order(collection, name, self.collections[collection].size)

    def find(self, collection: str, condition: Terms) -> list[Term]:
        """Return the terms that a filter's values name; values that no record has have none."""
        if condition.name == "id":
            return [self._named(collection, condition.values)]
        statement = "SELECT id, members FROM term WHERE collection = ? AND name = ? AND value = ?"
        found = (self._at_hand(statement, (collection, condition.name, value)) for value in condition.values)
        return [term for term in found if term is not None]

    def ordinals(self, record_ids: Sequence[str]) -> dict[str, int]:
        """Return the ordinals of those of these records that are public, by identifier."""
        self._release.require(DATABASE)  # by what is remembered, too
        if len(record_ids) == 1:  # as most questions have it, and the same one as those before
            ordinal = self._ordinal(record_ids[0])
            return {} if ordinal is None else {record_ids[0]: ordinal}
        found: dict[str, int] = {}
        for start in range(0, len(record_ids), NAMED_AT_ONCE):
            batch = record_ids[start : start + NAMED_AT_ONCE]
            number = 1 << (len(batch) - 1).bit_length()
            statement = f"SELECT id, ordinal FROM record WHERE id IN ({','.join('?' * number)})"  # noqa: S608
            found.update(self._release.rows(statement, (*batch, *[batch[-1]] * (number - len(batch)))))
        return found

    def _look_up(self, record_id: str) -> int | None:
        rows = self._release.rows("SELECT ordinal FROM record WHERE id = ?", (record_id,))
        return rows[0][0] if rows else None

    def naming(self, record_id: str, collections: Iterable[str]) -> dict[str, BitMap]:
        """Return the ordinals of the records of these collections that name a record in whatever role, by collection."""
        marks = ",".join("?" * len(self.collections))
        statement = f"SELECT collection, members FROM term WHERE collection IN ({marks}) AND name = ? AND value = ?"  # noqa: S608
        # Always as many marks, so that the statement is compiled only once; no collection is called by none.
        asked = [*collections]
        asked += [""] * (len(self.collections) - len(asked))
        found = self._release.rows(statement, (*asked, REFERS_TO, record_id))
        return {name: BitMap.deserialize(data).shift(self.collections[name].first) for name, data in found}

    def parts_of(self, event_id: str, *, most: int) -> list[str]:
        """Return the identifiers of the events that are part of one, and of their parts, `most` at most."""
        first = self.collections["events"].first
        members = _any_of([term.found for term in self.find("events", Terms("part_of", (event_id,)))])
        return [self._release.keys(first + member).id for member in members[:most]]

    def _named(self, collection: str, record_ids: Sequence[str]) -> Term:
        """Return the set of the members with these identifiers, as if it were a term of the release."""
        first = self.collections[collection].first
        members = BitMap([ordinal - first for ordinal in self.ordinals(record_ids).values()])
        return Term(UNKEPT, members, 0)

    def _placed(self, term: Term, order: Order, name: str) -> BitMap:
        """Return the places that the members of a term take in an order."""
        if len(term.found) < PLACED_FROM or term.id == UNKEPT:
            return order.placed(term.found)
        placed = self._at_hand('SELECT term, places FROM placed_term WHERE term = ? AND "order" = ?', (term.id, name))
        assert placed is not None
        return placed.found

    def _at_hand(self, statement: str, binds: tuple[str | int, ...]) -> Term | None:
        """Return a set, read from the release unless it is at hand."""
        key = (statement, *binds)
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
        for number, data in self._release.rows(statement, binds):
            kept = Term(number, BitMap.deserialize(data), len(data))
            with self._lock:
                self._keep(key, kept)
        return kept

    def _keep(self, key: tuple[str | int, ...], term: Term) -> None:
        if key not in self._kept:  # another thread may have been faster
            self._bytes += term.bytes + OVERHEAD
        self._kept[key] = term
        while self._bytes > SETS_KEPT:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.bytes + OVERHEAD

    # --- What conditions stand for --------------------------------------------------------------------------------

    def members(self, filters: Sequence[list[Term]], spans: Sequence[BitMap]) -> BitMap:
        """Return the members that every filter and every span finds. There is at least one of them."""
        return _all_of([*(_any_of([term.found for term in terms]) for terms in filters), *spans])

    def is_quick(self, collection: str, span: Span) -> bool:
        """Tell whether a span is looked up so quickly that it may be done on the event loop."""
        size = self.collections[collection].size
        if size <= QUICK or not isinstance(span, Since):
            return size <= QUICK
        changed = len(self._changed(collection, span.moment))
        return min(changed, size - changed) <= QUICK // 2

    def places(
        self, collection: str, filters: Sequence[list[Term]], spans: Sequence[Span], order_name: str
    ) -> BitMap | range:
        """Return the places, in an order, of the members that every filter and every span finds."""
        size = self.collections[collection].size
        since = next((span for span in spans if isinstance(span, Since)), None)
        # What changed since a moment is one stretch in the order of change, often all of it: no set is needed for that.
        changed = range(size) if since is None else self._changed(collection, since.moment)
        found = [self.span(collection, span) for span in spans if span is not since]
        if len(changed) < size and order_name != "updated_at":
            found.append(self._members_changed(collection, changed))
            changed = range(size)
        if not filters and not found:
            return changed
        places = self._places_of(filters, found, self.order(collection, order_name), order_name)
        return places if len(changed) == size else places & BitMap(changed)

    def _places_of(self, filters: Sequence[list[Term]], found: list[BitMap], order: Order, name: str) -> BitMap:
        """Return the places that the members take in an order that every filter finds, and that are in each of some sets."""
        # Few are placed one by one; of many, the release has the places.
        fewest = min((sum(len(term.found) for term in terms) for terms in filters), default=0)
        if fewest < PLACED_FROM or isinstance(order.places, range):
            return order.placed(self.members(filters, found))
        if found and order.cost(members := self.members(filters, found)) <= sum(map(order.cost, found)):
            return order.placed(members)
        placed = [_any_of([self._placed(term, order, name) for term in terms]) for terms in filters]
        return _all_of([*placed, *map(order.placed, found)])

    def places_without(
        self, collection: str, places: BitMap | range, terms: Sequence[Term], order_name: str
    ) -> BitMap | range:
        """Return those of these places in an order that records with one of the terms do not take."""
        if not terms:
            return places
        order = self.order(collection, order_name)
        placed = (
            term.found if isinstance(order.places, range) else self._placed(term, order, order_name) for term in terms
        )
        return (BitMap(places) if isinstance(places, range) else places) - _any_of([*placed])

    def span(self, collection: str, span: Span) -> BitMap:
        """Return the members that a span finds."""
        column = self._release.arrays.column
        match span:
            case Days():
                first, last = last_column(span.date), first_column(span.date)
                if span.match == "certain":
                    first, last = last, first
                found = _all_of(
                    [
                        *([column(collection, first).at_least(day_number(span.start))] if span.start else []),
                        *([column(collection, last).at_most(day_number(span.end))] if span.end else []),
                    ]
                )
                claimed = claimed_days(self._release, collection, span)
                return _with_claims(span, found - self._outside(collection, span), claimed)
            case Box():
                found = points_in(span, column(collection, "latitude"), column(collection, "longitude"))
                return _with_claims(span, found, claimed_points(self._release, collection, span))
            case Range():
                first, last = high_column(span.figure), low_column(span.figure)
                if span.match == "certain":
                    first, last = last, first
                return _all_of(
                    [
                        *([column(collection, first).at_least(span.low)] if span.low is not None else []),
                        *([column(collection, last).at_most(span.high)] if span.high is not None else []),
                    ]
                )
            case Since():
                return self._members_changed(collection, self._changed(collection, span.moment))
            case Stated():
                stating = BitMap(column(collection, stated_column(span)).members)
                return stating if span.is_stated else BitMap(range(self.collections[collection].size)) - stating
            case Sure():
                return self._sure(collection, span)

    def _sure(self, collection: str, span: Sure) -> BitMap:
        sets = []
        for value in span.values:
            terms = (Terms(name, (value,)) for name in (span.name, unsure_filter(span.name)))
            having, unsure = (_any_of([term.found for term in self.find(collection, each)]) for each in terms)
            sets.append(having - unsure)
        return _any_of(sets)

    def _outside(self, collection: str, span: Days) -> BitMap:
        """Return the events with a day without a year that no year has between the days of a span."""
        rows = self._release.rows(
            "SELECT value FROM term WHERE collection = ? AND name = ?", (collection, yearless_filter(span.date))
        )
        outside = days_outside((value for (value,) in rows), span.start, span.end)
        return _any_of(
            [term.found for term in self.find(collection, Terms(yearless_filter(span.date), tuple(outside)))]
        )

    def _find_changed(self, collection: str, moment: str) -> range:
        """Return the places, in the order of change, of the records that changed at or after a moment."""
        members = self.order(collection, "updated_at").members
        first = self.collections[collection].first

        def changed(member: int) -> str:
            return self._updated_at(first + member)

        return range(bisect_left(members, moment, key=changed), len(members))

    def _members_changed(self, collection: str, changed: range) -> BitMap:
        """Return the members at the last places of the order of change. Kept by place: many moments lie between two changes."""
        key = ("changed", collection, changed.start)
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept.found
        members, size = self.order(collection, "updated_at").members, changed.stop
        # What takes time is each member: of more than half, those that did not change are gone through.
        is_most = 2 * changed.start < size
        found = BitMap(members[: changed.start] if is_most else members[changed.start :])
        if is_most:
            found.flip_inplace(0, size)
        kept = Term(UNKEPT, found, bytes_of(found))
        with self._lock:
            self._keep(key, kept)
        return found

    # --- Places beside a record -----------------------------------------------------------------------------------

    def beside(self, collection: str, order_name: str, key: str, record_id: str) -> tuple[int, int]:
        """Return how many places of an order come before a record, and how many do up to and with it.

        Where it is gone, or its key is another by now, these are the same: it would stand between two places.
        """
        order = self.order(collection, order_name)
        first = self.collections[collection].first
        record = self._release.fields.collection(collection)

        def standing(member: int) -> tuple[str, str]:
            keys = self._release.keys(first + member)
            return sort_key(record, order_name, keys.fields, keys.updated_at), keys.id

        for (ordinal,) in self._release.rows("SELECT ordinal FROM record WHERE id = ?", (record_id,)):
            member = ordinal - first
            if 0 <= member < len(order.places) and standing(member)[0] == key:
                place = order.places[member]
                return place, place + 1

        between = bisect_left(order.members, (key, record_id), key=standing)
        return between, between


def bytes_of(found: BitMap) -> int:
    """Return about as many bytes as a set takes: two for each member or, where they are dense, one bit for each number."""
    return min(2 * len(found), found.max() // 8) if found else 0


def _with_claims(span: Days | Box, found: BitMap, claimed: Claimed) -> BitMap:
    return found | claimed.may if span.match == "possible" else found - claimed.may_not


def _any_of(sets: list[BitMap]) -> BitMap:
    if not sets:
        return BitMap()
    return sets[0] if len(sets) == 1 else BitMap.union(*sets)


def _all_of(sets: list[BitMap]) -> BitMap:
    if len(sets) == 1:
        return sets[0]
    return BitMap.intersection(*sorted(sets, key=len))
