"""What is claimed for the records of a collection beside what they say themselves: dates and places, each kept apart from the
others of its record, so that a claim of March and one of May find nothing in April. Knows neither parameters nor HTTP.
"""

from array import array
from typing import NamedTuple

from pyroaring import BitMap

from service.catalogue.queries import Box, Days
from service.release.indexing import (
    LATITUDE_CLAIMED,
    LONGITUDE_CLAIMED,
    claimed_filter,
    day_number,
    days_outside,
    first_column,
    last_column,
    yearless_filter,
)
from service.release.opening import Release
from service.release.orders import Column


class Claimed(NamedTuple):
    """What claims say of some days or of a box: the members for which a date or a place in it is claimed, and those for
    which one is claimed that may lie elsewhere.
    """

    may: BitMap
    may_not: BitMap


def claimed_days(release: Release, collection: str, days: Days) -> Claimed:
    """Return what the claims of a collection say of days. Both sets are empty where nothing is claimed."""
    name = claimed_filter(days.date)
    members = release.arrays.members_of(f"{collection}/{name}")
    may, may_not = _without_a_year(release, collection, days)
    if members:
        first, last = (release.arrays.column(collection, column(name)) for column in (first_column, last_column))
        every = BitMap(range(len(members)))
        start = None if days.start is None else day_number(days.start)
        end = None if days.end is None else day_number(days.end)
        overlaps = (every if start is None else last.at_least(start)) & (every if end is None else first.at_most(end))
        within = (every if start is None else first.at_least(start)) & (every if end is None else last.at_most(end))
        may |= _members(members, overlaps)
        may_not |= _members(members, every - within)
    return Claimed(may, may_not)


def claimed_points(release: Release, collection: str, box: Box) -> Claimed:
    """Return what the claims of a collection say of a box. A place without a point may lie elsewhere."""
    members = release.arrays.members_of(f"{collection}/{claimed_filter('place')}")
    if not members:
        return Claimed(BitMap(), BitMap())
    columns = (release.arrays.column(collection, name) for name in (LATITUDE_CLAIMED, LONGITUDE_CLAIMED))
    inside = points_in(box, *columns)
    return Claimed(_members(members, inside), _members(members, BitMap(range(len(members))) - inside))


def points_in(box: Box, latitude: Column, longitude: Column) -> BitMap:
    """Return the members whose point lies in a box."""
    if box.west <= box.east:
        across = longitude.between(box.west, box.east)
    else:
        across = longitude.at_least(box.west) | longitude.at_most(box.east)
    return latitude.between(box.south, box.north) & across


def _members(members: "array[int]", claims: BitMap) -> BitMap:
    return BitMap(array("I", map(members.__getitem__, claims)))


def _without_a_year(release: Release, collection: str, days: Days) -> tuple[BitMap, BitMap]:
    """Return the members for which a day without a year is claimed that occurs between days, and all for which one is."""
    name = yearless_filter(claimed_filter(days.date))
    rows = list(release.rows("SELECT value, members FROM term WHERE collection = ? AND name = ?", (collection, name)))
    outside = set(days_outside((value for value, _ in rows), days.start, days.end))
    some, every = BitMap(), BitMap()
    for value, found in rows:
        every |= BitMap.deserialize(found)
        if value not in outside:
            some |= BitMap.deserialize(found)
    return some, every
