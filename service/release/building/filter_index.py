"""Writes the indexes behind filters and sorting: sets of members for terms, sort orders, and columns for ranges.

Records come in the order of their identifiers. What is gathered across records is held in memory up to a limit and then
moved to a temporary table, so that memory use does not grow with the archive.
"""

import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import accumulate, chain, count, groupby, repeat
from operator import itemgetter

from pyroaring import BitMap

from service.archive.identifiers import PREFIXES, RECORD_OF
from service.release.building.gathered import Gathered
from service.release.building.scratch import BATCH
from service.release.indexing import (
    LATITUDE_CLAIMED,
    LONGITUDE_CLAIMED,
    NO_VALUE,
    Entries,
    claimed_filter,
    day_number,
    equal_filters,
    first_column,
    high_column,
    last_column,
    low_column,
    sort_column,
)
from service.release.orders import MANY_VALUES, PLACED_FROM, ArrayWriter, Order
from service.release.tables import TermRow, insert_statement, placed_term

#: So many pairs of term and record are held in memory: about 10 MB at the worst, where each term has one record.
PAIRS_IN_MEMORY = 50_000
#: And so many values of columns, each with its member: about 2 MB.
SPANS_IN_MEMORY = 20_000


class FilterIndexWriter:
    """Writes the sets, orders and columns of one release. The orders by title and by date are written at the start."""

    def __init__(self, database: sqlite3.Connection, arrays: ArrayWriter, gathered: Gathered) -> None:
        self.database = database
        self.arrays = arrays
        self._gathered = gathered
        self._fields = {each.collection: each for each in gathered.fields}
        self._collections = gathered.collections()
        #: By collection, the members that each filter and value finds: of those that were not written out yet.
        self._at_hand: dict[str, defaultdict[tuple[str, str], array[int]]] = {
            collection: defaultdict(lambda: array("I")) for collection in self._collections
        }
        self._pairs = 0
        #: By collection and filter, the members that have a value of it.
        self._stating: defaultdict[tuple[str, str], BitMap] = defaultdict(BitMap)
        #: The numbers of the columns, by collection and name, and rows of them that were not written out yet.
        self._columns: dict[tuple[str, str], int] = {}
        self._spans: list[tuple[int, float, int]] = []
        #: The member for which each date or place is claimed.
        self._claimants: defaultdict[tuple[str, str], array[int]] = defaultdict(lambda: array("I"))
        #: When each record changed, as numbers of moments in `_moments`.
        self._updated = array("I")
        self._moments: dict[str, int] = {}
        database.execute("CREATE TEMP TABLE found (collection TEXT, name TEXT, value TEXT, members BLOB)")
        database.execute('CREATE TEMP TABLE span ("column" INTEGER, value REAL, member INTEGER)')
        self.orders: dict[tuple[str, str], Order] = {}
        for collection in self._collections:
            for order in self._fields[collection].orders():
                if order != "updated_at":
                    self._write_order(collection, order)
        #: The places of each collection's records in the orders by a field, and the columns of the text index for them.
        self._places = {
            collection: [
                (sort_column(record, order), self.orders[collection, order].places)
                for order in record.orders()
                if order not in ("id", "updated_at")
            ]
            for collection, record in self._fields.items()
        }

    def add(self, collection: str, ordinal: int, entries: Entries, *, updated_at: str) -> None:
        """Take the terms, days, point and range of one record."""
        member = ordinal - self._collections[collection][0]
        at_hand = self._at_hand[collection]
        for term in entries.terms:
            at_hand[term].append(member)
        self._pairs += len(entries.terms)
        if self._pairs >= PAIRS_IN_MEMORY:
            self._spill()
        for column, value in _spans(entries):
            self._add_span(collection, column, value, member)
        for name, days in entries.claimed:
            filtered = claimed_filter(name)
            columns = first_column(filtered), last_column(filtered)
            self._add_claim(collection, member, filtered, zip(columns, map(day_number, days), strict=True))
        for point in entries.claimed_points:
            columns = LATITUDE_CLAIMED, LONGITUDE_CLAIMED
            self._add_claim(
                collection, member, claimed_filter("place"), zip(columns, point or (), strict=point is not None)
            )
        self._updated.append(self._moments.setdefault(updated_at, len(self._moments)))
        if len(self._spans) >= SPANS_IN_MEMORY:
            self._spill_spans()

    def _add_span(self, collection: str, column: str, value: float, member: int) -> None:
        number = self._columns.setdefault((collection, column), len(self._columns))
        self._spans.append((number, value, member))

    def _add_claim(self, collection: str, member: int, name: str, numbers: Iterable[tuple[str, float]]) -> None:
        """Take what is claimed of one date or place, by column: a claim is an item of its own, since a record may have several."""
        claimants = self._claimants[collection, name]
        for column, value in numbers:
            self._add_span(collection, column, value, len(claimants))
        claimants.append(member)

    def _spill(self) -> None:
        for collection, at_hand in self._at_hand.items():
            rows = [(collection, name, value, members.tobytes()) for (name, value), members in at_hand.items()]
            self.database.executemany("INSERT INTO temp.found VALUES (?, ?, ?, ?)", rows)
            at_hand.clear()
        self._pairs = 0

    def _spill_spans(self) -> None:
        self.database.executemany("INSERT INTO temp.span VALUES (?, ?, ?)", self._spans)
        self._spans.clear()

    def finish(self) -> None:
        """Write what was gathered. Called once, after the last record."""
        self._spill()
        self._spill_spans()
        for collection in self._collections:
            self._write_order(collection, "updated_at")
        self._write_columns()
        for (collection, name), members in self._claimants.items():
            self.arrays.write(f"{collection}/{name}/of", members)
        self._write_terms()
        self.database.execute("DROP TABLE temp.found")
        self.database.execute("DROP TABLE temp.span")
        # The words, which are written next, need the memory.
        for held in (self.orders, self._places, self._stating, self._claimants):
            held.clear()

    def _write_columns(self) -> None:
        names = [f"{collection}/{name}" for collection, name in self._columns]
        rows = self.database.execute("SELECT * FROM temp.span ORDER BY 1, 2, 3")
        for number, spans in groupby(rows, key=itemgetter(0)):
            self.arrays.write_column(names[number], (span[1:] for span in spans))

    def _write_order(self, collection: str, order: str) -> None:
        written = self.arrays.write_order(f"{collection}/{order}", self._members_in(order, collection))
        # From here on only the places are asked for, and the members would take as much memory again.
        self.orders[collection, order] = Order((), written.places)

    def places(self, collection: str, ordinal: int) -> tuple[tuple[str, int], ...]:
        """Return a record's place in each order by a field, with the column of the text index that holds it."""
        member = ordinal - self._collections[collection][0]
        return tuple([(column, places[member]) for column, places in self._places[collection]])

    def _members_in(self, order: str, collection: str) -> "array[int]":
        first, size = self._collections[collection]
        if order == "id" or (order == "updated_at" and len(self._moments) < 2):
            return array("I", range(size))
        if order == "updated_at":
            return self._by_moment(first, size)
        slot = self._fields[collection].slot(order)
        members = array("I", (ordinal - first for ordinal in self._gathered.in_order(slot, first, size)))
        if not order.startswith("-"):
            return members
        # What is unknown is to come last in descending order too. That order is read backwards, so here it comes first.
        known = self._gathered.known(slot, first, size)
        return members[known:] + members[:known]

    def _by_moment(self, first: int, size: int) -> "array[int]":
        ranks = {self._moments[moment]: rank for rank, moment in enumerate(sorted(self._moments))}
        moments = self._updated[first - 1 : first - 1 + size]
        return array("I", sorted(range(size), key=lambda member: ranks[moments[member]]))

    def _write_terms(self) -> None:
        terms: list[tuple[object, ...]] = []
        placed: list[tuple[object, ...]] = []
        for number, (term, members) in enumerate(chain(self._found_terms(), self._lacking_terms()), 1):
            terms.append((number, *term, members.serialize()))
            if len(members) >= PLACED_FROM:
                placed += ((number, *row) for row in self._placed(members, term[0]))
            if len(terms) >= BATCH:
                self._flush(terms, placed)
        self._flush(terms, placed)

    def _found_terms(self) -> Iterator[tuple[tuple[str, str, str], BitMap]]:
        """Yield every term with the members that it finds, and note which members each filter has a value of."""
        found = self.database.execute("SELECT * FROM temp.found ORDER BY collection, name, value, rowid")
        for (collection, name), rows in groupby(found, key=itemgetter(0, 1)):
            naming = (
                _Naming(self._gathered, self._collections) if name in equal_filters(self._fields[collection]) else None
            )
            stating = self._stating[collection, name]
            for value, parts in groupby(rows, key=itemgetter(2)):
                members = BitMap(array("I", b"".join([row[3] for row in parts])))
                stating |= members
                if naming is not None:
                    naming.add(value, members)
                yield (collection, name, value), members
            if naming is not None and naming.values > MANY_VALUES:
                self.arrays.write_named(f"{collection}/{name}", *naming.named(self._collections[collection][1]))

    def _lacking_terms(self) -> Iterator[tuple[tuple[str, str, str], BitMap]]:
        """Yield, for each filter that some members have no value of, the term that finds these."""
        for collection, (_, size) in self._collections.items():
            for name in equal_filters(self._fields[collection]):
                lacking = BitMap(range(size)) - self._stating[collection, name]
                if lacking:
                    yield (collection, name, NO_VALUE), lacking

    def _placed(self, members: BitMap, collection: str) -> Iterator[tuple[str, bytes]]:
        for order in self._fields[collection].orders():
            made = self.orders[collection, order]
            if not isinstance(made.places, range):
                yield order, made.placed(members).serialize()

    def _flush(self, terms: list[tuple[object, ...]], placed: list[tuple[object, ...]]) -> None:
        self.database.executemany(insert_statement(TermRow), terms)
        self.database.executemany(insert_statement(placed_term), placed)
        terms.clear()
        placed.clear()


class _Naming:
    """Gathers the records that the values of one filter are, value by value in ascending order, and gives them by the members
    that name them. Takes 8 bytes for each pair of value and member.
    """

    def __init__(self, gathered: Gathered, collections: dict[str, tuple[int, int]]) -> None:
        self._gathered = gathered
        self._firsts = {PREFIXES[RECORD_OF[collection]]: first for collection, (first, _) in collections.items()}
        #: The records that are next, in the order of their identifiers, of the type that the values begin with.
        self._next: Iterator[tuple[str, int]] = iter(())
        self._prefix = ""
        #: Of each value the ordinal of its record, and how many of `_members` have it; None where a value is no record.
        self._records: array[int] | None = array("I")
        self._numbers = array("I")
        self._members = array("I")

    @property
    def values(self) -> int:
        """How many values there are; 0 where one of them is no record."""
        return 0 if self._records is None else len(self._records)

    def add(self, value: str, members: BitMap) -> None:
        """Take a value, and the members that have it."""
        if self._records is None:
            return
        ordinal = self._ordinal(value)
        if ordinal is None:
            self._records, self._members = None, array("I")
            return
        self._records.append(ordinal)
        self._numbers.append(len(members))
        self._members.extend(members)

    def _ordinal(self, value: str) -> int | None:
        prefix, hyphen, _ = value.partition("-")
        if not hyphen or prefix not in self._firsts:
            return None
        if prefix != self._prefix:
            self._next, self._prefix = zip(self._gathered.identifiers(prefix), count(self._firsts[prefix])), prefix
        # All values of a filter are looked for in one pass over the records of a type.
        for record_id, ordinal in self._next:
            if record_id >= value:
                return ordinal if record_id == value else None
        return None

    def named(self, size: int) -> "tuple[array[int] | None, array[int]]":
        """Return where the records begin that each of `size` members names, and the records, as ordinals: see `orders.Named`. All
        values must be records.
        """
        assert self._records is not None
        starts = array("I", bytes(self._members.itemsize * (size + 1)))
        for member in self._members:
            starts[member + 1] += 1
        if max(starts) <= 1:
            ordinals = array("I", bytes(self._members.itemsize * size))
            for member, ordinal in self._pairs():
                ordinals[member] = ordinal
            return None, ordinals
        starts = array("I", accumulate(starts))
        free, ordinals = starts[:], self._members[:]
        for member, ordinal in self._pairs():
            ordinals[free[member]] = ordinal
            free[member] += 1
        return starts, ordinals

    def _pairs(self) -> Iterator[tuple[int, int]]:
        """Yield each member that has a value with the record of the value."""
        assert self._records is not None
        return zip(self._members, chain.from_iterable(map(repeat, self._records, self._numbers)), strict=True)


def _spans(entries: Entries) -> Iterator[tuple[str, float]]:
    for name, (first, last) in entries.days.items():
        yield first_column(name), day_number(first)
        yield last_column(name), day_number(last)
    if entries.point is not None:
        yield "latitude", entries.point[0]
        yield "longitude", entries.point[1]
    for name, (low, high) in entries.ranges.items():
        yield low_column(name), low
        yield high_column(name), high
