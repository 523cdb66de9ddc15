"""The map: places with a point, drawn with the radius within which the point may lie, and those that have none beside it."""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any
from weakref import WeakKeyDictionary

import orjson
from markupsafe import Markup

from service.catalogue.browsing import Catalogue
from service.catalogue.parameters import read_criteria
from service.pages.lists import asked
from service.pages.outlines import Box, Point, land_in
from service.pages.reader import Reader, shortened
from service.pages.views import View
from service.release.labels import shown_label

#: Size of the drawing, in its own units.
WIDTH, HEIGHT = 1000, 560
#: The smallest section that is drawn, in degrees of longitude: a smaller one would show no coast to know it by.
NARROWEST = 24.0
#: Points nearer to each other than this, in units of the drawing, are drawn as one, with their number.
TOGETHER = 26.0
#: Spots that a map shows; of more, those that lie twice as far from each other are drawn as one, and so on.
MOST_SPOTS = 250
#: Places that one map shows.
MOST_PLACES = 2000
#: Places that the table beside the map has on a page.
LISTED = 60
#: Names that a spot shows where the pointer rests.
NAMED = 4
#: Latitude up to which the map reaches: beyond, nobody lives.
_HIGHEST = 84.0
#: The tallest section that is drawn, in degrees of latitude.
_TALLEST = 170.0
#: Kilometres of a degree of latitude.
_KM_PER_DEGREE = 111.32


@dataclass(frozen=True, slots=True)
class Place:
    """A place that has a point, in degrees, and how far off that may be, in metres."""

    id: str
    label: str
    longitude: float
    latitude: float
    radius_m: float


@dataclass(frozen=True, slots=True)
class Spot:
    """One point of the map, or several that lie together. Lengths in units of the drawing."""

    x: float
    y: float
    #: How far off the point may be.
    radius: float
    places: list[Place]

    @property
    def size(self) -> float:
        """The radius of the dot: larger where several places lie together."""
        return 7.0 if len(self.places) == 1 else 10.0 + min(8.0, math.sqrt(len(self.places)))


@dataclass(frozen=True, slots=True)
class Section:
    """What part of the world is drawn, and how degrees become units of the drawing (equirectangular, true in the middle)."""

    box: Box

    def at(self, longitude: float, latitude: float) -> Point:
        """Return where a point is drawn."""
        west, south, east, north = self.box
        return (longitude - west) / (east - west) * WIDTH, (north - latitude) / (north - south) * HEIGHT

    def length(self, metres: float) -> float:
        """Return how long a distance from north to south is drawn."""
        _, south, _, north = self.box
        return metres / 1000 / _KM_PER_DEGREE / (north - south) * HEIGHT


@dataclass(frozen=True, slots=True)
class Drawing:
    """What a release's map is drawn of, in whatever language: the path of the outlines, meridians and parallels, spots."""

    land: Markup
    lines: list[tuple[float, float, float, float]]
    spots: list[Spot]
    #: Places that are drawn.
    placed: int


#: The map of each release that is open. Reading its places and drawing its outlines takes many times as long as a page.
_drawn: WeakKeyDictionary[Catalogue, Drawing] = WeakKeyDictionary()


def map_view(reader: Reader, _name: str) -> View:
    """Return the map. Raises InvalidParameters, InvalidCursor.

    Context: `drawing`, `names` (what each spot is called, in the order of `drawing.spots`), `placed` and `unplaced` (documents, a page of them),
    `counts` (events at each place, by identifier), `total`, `next` and `prev` (addresses or None), `width`, `height`.
    """
    pairs = [pair for pair in asked(reader.pairs) if pair[0] == "cursor"]
    asked_for = [("sort", "name"), ("limit", str(LISTED)), *pairs]
    page = reader.catalogue.page(
        reader.catalogue.look_up(read_criteria(reader.catalogue.criteria["places"], asked_for))
    )
    places = [reader.read(each) for each in page.documents]
    drawing = _drawing_of(reader.catalogue)

    def at(cursor: str | None) -> str | None:
        return None if cursor is None else reader.href("/map", [("cursor", cursor)])

    context: dict[str, Any] = {
        "drawing": drawing,
        "names": list(_names(reader, drawing.spots)),
        "placed": [place for place in places if place["latitude"] is not None],
        "unplaced": [place for place in places if place["latitude"] is None],
        "counts": _events_at(reader),
        "total": page.total,
        "next": at(page.next),
        "prev": at(page.prev),
        "width": WIDTH,
        "height": HEIGHT,
    }
    reader.relabel(places)
    exported = reader.api("/places", [("format", "geojson")])
    return View(
        "map.html",
        reader.words.text("Map"),
        context,
        api=("/places", [("format", "geojson")]),
        alternates=[("application/geo+json", "GeoJSON", exported)],
    )


def _drawing_of(catalogue: Catalogue) -> Drawing:
    """Return the map of a release, drawn once."""
    drawing = _drawn.get(catalogue)
    if drawing is None:
        placed = list(islice(_places_of(catalogue), MOST_PLACES))
        section = section_of([(place.longitude, place.latitude) for place in placed])
        drawing = Drawing(land_path(section), list(_lines(section)), spots_of(placed, section), len(placed))
        _drawn[catalogue] = drawing
    return drawing


def _places_of(catalogue: Catalogue) -> Iterator[Place]:
    """Yield the places that have a point, by name."""
    listing = catalogue.look_up(read_criteria(catalogue.criteria["places"], [("sort", "name")]))
    for batch in catalogue.batches(catalogue.on_map(listing)):
        for each in map(orjson.loads, batch):
            point = each["longitude"], each["latitude"], each["radius_m"] or 0.0
            yield Place(each["id"], shown_label(each), *point)


def _names(reader: Reader, spots: Sequence[Spot]) -> Iterator[str]:
    """Yield what each spot is called: a place, or the first of several."""
    shown = [spot.places[:NAMED] for spot in spots]
    called = reader.catalogue.called({place.id for some in shown for place in some}, reader.wishes)
    for spot, some in zip(spots, shown, strict=True):
        names = [shortened(called[place.id][0] if place.id in called else place.label, 60) for place in some]
        yield ", ".join([*names, *(["…"] if len(spot.places) > NAMED else [])])


def _events_at(reader: Reader) -> dict[str, int]:
    """Return how many events happened at each place or in it, for the places where most did."""
    criteria = read_criteria(
        reader.catalogue.criteria["events"], [("facets", "place"), ("facet_limit", "200"), ("limit", "1")]
    )
    facets = reader.catalogue.facets(criteria) or {}
    return {bucket.value: bucket.count for bucket in facets.get("place", ()) if bucket.value is not None}


def section_of(points: Sequence[Point]) -> Section:
    """Return the section in which all points lie, with room around them; the whole world where there are none."""
    if not points:
        return Section((-180.0, -60.0, 180.0, _HIGHEST))
    west, east = min(x for x, _ in points), max(x for x, _ in points)
    south, north = min(y for _, y in points), max(y for _, y in points)
    middle_x, middle_y = (west + east) / 2, (south + north) / 2
    # A degree of longitude is shorter than one of latitude, by the cosine of the latitude.
    stretch = max(math.cos(math.radians(middle_y)), 0.2)
    height = max((north - south) * 1.3, (east - west) * 1.3 * stretch * HEIGHT / WIDTH)
    height = min(max(height, NARROWEST * stretch * HEIGHT / WIDTH), _TALLEST)
    # What reaches around the world is drawn narrower than it is: no point may lie beside the drawing.
    least = min((east - west) * 1.05, 360.0)
    section = _around(middle_x, middle_y, height, stretch, least=least)
    while height < _TALLEST and not land_path(section):
        # Open sea says nothing of where one is: go on until there is a coast.
        height = min(height * 1.6, _TALLEST)
        section = _around(middle_x, middle_y, height, stretch, least=least)
    return section


def _around(longitude: float, latitude: float, height: float, stretch: float, *, least: float) -> Section:
    """Return the section of this height around a point, at least so wide, in degrees; it keeps to the shape of the drawing."""
    width = max(min(height / stretch * WIDTH / HEIGHT, 360.0), least)
    return Section((longitude - width / 2, latitude - height / 2, longitude + width / 2, latitude + height / 2))


def spots_of(places: Sequence[Place], section: Section) -> list[Spot]:
    """Return the spots of a map, those with the widest radius first: places that would be drawn over each other make one."""
    at = [(section.at(place.longitude, place.latitude), place) for place in places]
    together = TOGETHER
    while len(spots := _spots(at, section, together)) > MOST_SPOTS:
        together *= 2
    return sorted(spots, key=lambda spot: -spot.radius)


def _spots(at: Sequence[tuple[Point, Place]], section: Section, together: float) -> list[Spot]:
    cells: dict[tuple[int, int], list[tuple[Point, Place]]] = {}
    for (x, y), place in at:
        cells.setdefault((round(x / together), round(y / together)), []).append(((x, y), place))
    spots = []
    for found in cells.values():
        x = sum(point[0] for point, _ in found) / len(found)
        y = sum(point[1] for point, _ in found) / len(found)
        radius = max(section.length(place.radius_m) for _, place in found)
        spots.append(Spot(round(x, 1), round(y, 1), round(radius, 1), [place for _, place in found]))
    return spots


def land_path(section: Section) -> Markup:
    """Return the outlines of the land as the path of an SVG drawing: whole units, each point relative to the one before."""
    west, south, east, north = section.box
    shifts = [shift for shift in (-360, 0, 360) if west < 180 + shift and east > -180 + shift]
    rings = ((shift, ring) for shift in shifts for ring in land_in((west - shift, south, east - shift, north)))
    path = "".join(_ring_path(section.at(x + shift, y) for x, y in ring) for shift, ring in rings)
    return Markup(path)  # noqa: S704 - numbers and letters of ours


def _ring_path(points: Iterable[Point]) -> str:
    path, before = [], None
    for x, y in points:
        here = round(x), round(y)
        if before is None:
            path.append(f"M{here[0]} {here[1]}l")
        elif here != before:
            step = f"{here[0] - before[0]} {here[1] - before[1]}"
            path.append(step if path[-1].endswith("l") or step.startswith("-") else f" {step}")
        before = here
    return "".join(path) + "z" if len(path) > 2 else ""


def _lines(section: Section) -> Iterable[tuple[float, float, float, float]]:
    """Yield meridians and parallels, to know the section by: from and to."""
    west, south, east, north = section.box
    step = next(each for each in (5, 10, 15, 30, 45) if (east - west) / each <= 9)
    for longitude in range(math.ceil(west / step) * step, math.floor(east / step) * step + 1, step):
        x = round(section.at(longitude, 0)[0], 1)
        yield x, 0, x, HEIGHT
    for latitude in range(math.ceil(south / step) * step, math.floor(north / step) * step + 1, step):
        y = round(section.at(0, latitude)[1], 1)
        yield 0, y, WIDTH, y
