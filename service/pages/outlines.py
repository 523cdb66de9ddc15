"""The outlines of the land, cut to a section of the map. Natural Earth, public domain: see outlines/README.md."""

import gzip
import json
from functools import cache
from importlib.resources import files

#: Outlines are kept in hundredths of a degree.
PER_DEGREE = 100
#: A section narrower than this, in degrees, is drawn with the finer outlines.
FINE_BELOW = 90.0

Point = tuple[float, float]
#: West, south, east and north, in degrees.
Box = tuple[float, float, float, float]


@cache
def _rings(scale: str) -> list[list[Point]]:
    packed = (files("service.pages") / "outlines" / f"land-{scale}.json.gz").read_bytes()
    flat: list[list[int]] = json.loads(gzip.decompress(packed))
    return [
        [(ring[index] / PER_DEGREE, ring[index + 1] / PER_DEGREE) for index in range(0, len(ring), 2)] for ring in flat
    ]


def land_in(box: Box) -> list[list[Point]]:
    """Return the closed rings of land within a box, holes among them: to be filled by the even-odd rule."""
    west, south, east, north = box
    cut = []
    for ring in _rings("50m" if east - west < FINE_BELOW else "110m"):
        xs, ys = [x for x, _ in ring], [y for _, y in ring]
        if max(xs) < west or min(xs) > east or max(ys) < south or min(ys) > north:
            continue
        inside = min(xs) >= west and max(xs) <= east and min(ys) >= south and max(ys) <= north
        kept = ring if inside else _clip(ring, box)
        if len(kept) > 2:
            cut.append(kept)
    return cut


def _clip(ring: list[Point], box: Box) -> list[Point]:
    """Return a ring cut to a box, by the algorithm of Sutherland and Hodgman: one side after the other."""
    west, south, east, north = box
    sides = [
        (0, 1, west),
        (0, -1, east),
        (1, 1, south),
        (1, -1, north),
    ]
    for axis, sign, limit in sides:
        kept: list[Point] = []
        for before, here in zip([ring[-1], *ring[:-1]], ring, strict=True) if ring else ():
            if (here[axis] * sign >= limit * sign) != (before[axis] * sign >= limit * sign):
                kept.append(_crossing(before, here, axis, limit))
            if here[axis] * sign >= limit * sign:
                kept.append(here)
        ring = kept
    return ring


def _crossing(before: Point, here: Point, axis: int, limit: float) -> Point:
    """Return where the line between two points meets a side."""
    share = (limit - before[axis]) / (here[axis] - before[axis])
    other = before[1 - axis] + share * (here[1 - axis] - before[1 - axis])
    return (limit, other) if axis == 0 else (other, limit)
