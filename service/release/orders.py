"""The sort orders and value columns of a release: arrays of numbers in one file, each loaded on first use.

An *order* maps the places of a sort order to the members of a collection, and back. A *column* holds the values of a
field that is filtered by range, in ascending order, each with the member that has it. *Named* records are the values of a
filter, by the member that has them. Numbers are stored in the byte
order of the machine, which is the same on every machine that Python wheels are built for.
"""

import os
from array import array
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

from pyroaring import BitMap

from service.errors import ReleaseDamaged

ARRAYS = "archive.arrays"
#: A term with at least this many records has its places in each order stored in the release. For fewer records they are
#: looked up one by one at the time of the request, which takes under 0.1 ms.
PLACED_FROM = 1024
#: Of a filter with more values than this, all of them records, the release keeps which ones each member names. Of fewer, the
#: members that have a value are looked at for each value, which takes a few microseconds.
MANY_VALUES = 256
#: Arrays begin at multiples of this many bytes, the size of their largest item.
ALIGNMENT = 8


@dataclass(frozen=True, slots=True)
class Order:
    """A sort order: `members[place]` and `places[member]`. Both are a range where the order is that of the identifiers."""

    members: Sequence[int]
    places: Sequence[int]

    def cost(self, chosen: BitMap) -> int:
        """Return how many members have to be looked at one by one to tell the places of these."""
        return min(len(chosen), len(self.places) - len(chosen))

    def placed(self, chosen: BitMap) -> BitMap:
        """Return the places of these members in this order."""
        if isinstance(self.places, range):
            return chosen
        size = len(self.places)
        if self.cost(chosen) < len(chosen):
            # What takes time is looking at each member: the places of these are those that the others do not take.
            return self.placed(chosen.flip(0, size)).flip(0, size)
        return BitMap(array("I", map(self.places.__getitem__, chosen)))


@dataclass(frozen=True, slots=True)
class Column:
    """The values of a field in ascending order, and the member that has each."""

    values: Sequence[float]
    members: Sequence[int]

    def at_least(self, low: float) -> BitMap:
        """Return the members whose value is `low` or more."""
        return BitMap(self.members[bisect_left(self.values, low) :])

    def at_most(self, high: float) -> BitMap:
        """Return the members whose value is `high` or less."""
        return BitMap(self.members[: bisect_right(self.values, high)])

    def between(self, low: float, high: float) -> BitMap:
        """Return the members whose value is `low` or more and `high` or less."""
        return BitMap(self.members[bisect_left(self.values, low) : bisect_right(self.values, high)])


@dataclass(frozen=True, slots=True)
class Named:
    """The records that the members of a collection name by a filter, as ordinals, which begin with 1.

    Those of a member are the `ordinals` from `starts[member]` to before `starts[member + 1]`. Where no member names more than
    one, there are no `starts`: that of a member is `ordinals[member]`, or 0 where it names none.
    """

    starts: Sequence[int] | None
    ordinals: Sequence[int]

    def counted(self, members: BitMap | range) -> Counter[int]:
        """Return how many of these members name each record."""
        if self.starts is None:
            counted = Counter(map(self.ordinals.__getitem__, members))
            del counted[0]
            return counted
        starts, ordinals = self.starts, self.ordinals
        return Counter(chain.from_iterable([ordinals[starts[each] : starts[each + 1]] for each in members]))


class ArrayWriter:
    """Writes arrays one after the other, behind those that are there. `rows` are those of `tables.ArrayRow`."""

    def __init__(self, folder: Path) -> None:
        self._file: BinaryIO = (folder / ARRAYS).open("ab", buffering=1 << 20)
        self.rows: list[tuple[str, str, int, int]] = []

    def write(self, name: str, items: "array[int] | array[float]") -> None:
        self._file.write(bytes(-self._file.tell() % ALIGNMENT))
        self.rows.append((name, items.typecode, self._file.tell(), len(items)))
        items.tofile(self._file)

    def write_order(self, name: str, members: "array[int]") -> Order:
        """Write an order, given the member at each place, and return it. Writes nothing where it is that of the identifiers."""
        if all(place == member for place, member in enumerate(members)):
            return Order(range(len(members)), range(len(members)))
        places = array("I", bytes(members.itemsize * len(members)))
        for place, member in enumerate(members):
            places[member] = place
        self.write(f"{name}/members", members)
        self.write(f"{name}/places", places)
        return Order(members, places)

    def write_column(self, name: str, pairs: Iterable[tuple[float, int]]) -> None:
        """Write a column, given pairs of value and member in ascending order."""
        values, members = array("d"), array("I")
        for value, member in pairs:
            values.append(value)
            members.append(member)
        self.write(f"{name}/values", values)
        self.write(f"{name}/members", members)

    def write_named(self, name: str, starts: "array[int] | None", ordinals: "array[int]") -> None:
        """Write the records that members name: see `Named`."""
        if starts is not None:
            self.write(f"{name}/starts", starts)
        self.write(f"{name}/ordinals", ordinals)

    def close(self) -> None:
        self._file.close()


class Arrays:
    """Reads the arrays of one release. The open file stays readable even after the release has been deleted."""

    def __init__(self, folder: Path, rows: Iterable[tuple[str, str, int, int]]) -> None:
        self._folder = folder
        self._file = os.open(folder / ARRAYS, os.O_RDONLY | os.O_CLOEXEC)
        self._rows = {name: (code, offset, length) for name, code, offset, length in rows}
        self._read: dict[str, array[Any]] = {}

    def close(self) -> None:
        os.close(self._file)

    def order(self, collection: str, name: str, size: int) -> Order:
        """Return an order of a collection that has `size` records. Raises ReleaseDamaged."""
        key = f"{collection}/{name}"
        if f"{key}/members" not in self._rows:
            return Order(range(size), range(size))
        return Order(self._array(f"{key}/members"), self._array(f"{key}/places"))

    def column(self, collection: str, name: str) -> Column:
        """Return a column; an empty one where no record has a value. Raises ReleaseDamaged."""
        key = f"{collection}/{name}"
        if f"{key}/values" not in self._rows:
            return Column(array("d"), array("I"))
        return Column(self._array(f"{key}/values"), self._array(f"{key}/members"))

    def named(self, collection: str, name: str) -> Named | None:
        """Return the records that the members of a collection name by a filter; None where the release does not keep them.
        Raises ReleaseDamaged.
        """
        key = f"{collection}/{name}"
        if f"{key}/ordinals" not in self._rows:
            return None
        starts = self._array(f"{key}/starts") if f"{key}/starts" in self._rows else None
        return Named(starts, self._array(f"{key}/ordinals"))

    def members_of(self, name: str) -> "array[int]":
        """Return the member that each item of some columns belongs to; none where there is none. Raises ReleaseDamaged."""
        return self._array(f"{name}/of") if f"{name}/of" in self._rows else array("I")

    def numbers(self, name: str) -> "array[int]":
        """Return an array by its own name. Raises ReleaseDamaged."""
        return self._array(name)

    def _array(self, name: str) -> "array[Any]":
        # Read into memory, not mapped: if a mapped file is truncated, reading it kills the process (SIGBUS).
        if name not in self._read:
            code, offset, length = self._rows[name]
            items = array(code)
            data = os.pread(self._file, length * items.itemsize, offset)
            if len(data) != length * items.itemsize:
                raise ReleaseDamaged(f"{self._folder.name}: {ARRAYS} has been cut short; publish the archive again")
            items.frombytes(data)
            self._read[name] = items
        return self._read[name]
