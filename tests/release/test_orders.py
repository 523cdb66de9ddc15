"""Arrays of a release: orders both ways, columns by range, and what a damaged file leads to."""

from array import array
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyroaring import BitMap

from service.errors import ReleaseDamaged
from service.release.orders import ARRAYS, Arrays, ArrayWriter, Column, Order


def test_an_order_is_read_as_it_was_written_both_ways(tmp_path: Path) -> None:
    with closing(ArrayWriter(tmp_path)) as writer:
        writer.write_column("events/low", [(0.5, 1), (2.0, 0)])
        writer.write_order("events/title", array("I", [2, 0, 1]))
        writer.write_order("events/id", array("I", [0, 1, 2]))
    with closing(Arrays(tmp_path, writer.rows)) as arrays:
        order = arrays.order("events", "title", 3)
        assert list(order.members) == [2, 0, 1]
        assert list(order.places) == [1, 2, 0]
        assert order.placed(BitMap([0, 2])) == BitMap([0, 1])
        assert arrays.order("events", "id", 3).members == range(3), (
            "an order like that of the identifiers needs no array"
        )
        assert list(arrays.column("events", "low").values) == [0.5, 2.0]
        assert arrays.column("events", "high").at_least(0) == BitMap()


def test_a_file_cut_short_is_told_and_kills_nobody(tmp_path: Path) -> None:
    with closing(ArrayWriter(tmp_path)) as writer:
        writer.write_order("events/title", array("I", [2, 0, 1]))
    with closing(Arrays(tmp_path, writer.rows)) as arrays:
        (tmp_path / ARRAYS).write_bytes(b"")
        with pytest.raises(ReleaseDamaged, match="cut short"):
            arrays.order("events", "title", 3)


@given(st.lists(st.floats(-5, 5)), st.floats(-6, 6), st.floats(-6, 6))
def test_a_column_finds_what_lies_in_a_range(values: list[float], low: float, high: float) -> None:
    pairs = sorted((value, member) for member, value in enumerate(values))
    column = Column(array("d", (value for value, _ in pairs)), array("I", (member for _, member in pairs)))
    assert list(column.at_least(low)) == [member for member, value in enumerate(values) if value >= low]
    assert list(column.at_most(high)) == [member for member, value in enumerate(values) if value <= high]
    assert list(column.between(low, high)) == [member for member, value in enumerate(values) if low <= value <= high]


@given(st.permutations(range(12)), st.sets(st.integers(0, 11)))
def test_few_or_most_of_the_members_take_their_own_places(members: list[int], chosen: set[int]) -> None:
    places = array("I", (members.index(member) for member in range(len(members))))
    order = Order(array("I", members), places)
    assert set(order.placed(BitMap(chosen))) == {members.index(member) for member in chosen}
