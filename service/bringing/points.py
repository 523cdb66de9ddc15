"""Points on the map that others keep: published only where it is said how far off they may be, and no finer than that.

A point can be somebody's home. Rounding it to what the radius says is what makes the radius true.
"""

import math
import re
from dataclasses import dataclass

from service.bringing.brought import Brought

#: Metres of one degree of latitude (WGS 84, mean).
_DEGREE_M = 111_195
_NUMBER = r"[+-]?\d{1,3}(?:\.\d*)?"
_PAIR = re.compile(rf"\(?\s*({_NUMBER})\s*(?:[|;,]|\s)\s*({_NUMBER})\s*\)?")
#: Where no comma stands between the two, it may be a decimal one.
_PAIR_OF_COMMAS = re.compile(r"\s*([+-]?\d{1,3},\d+)\s*[|;]\s*([+-]?\d{1,3},\d+)\s*")


@dataclass(frozen=True, slots=True)
class Point:
    """A place on the earth, in degrees (WGS 84)."""

    latitude: float
    longitude: float

    def rounded(self, radius_m: float) -> "Point":
        """Return the middle of a square that this point lies in, of which no corner is further off than the radius."""
        # A little less than would do, since the middle is then written with no more digits than tell something.
        step = 0.9 * radius_m * math.sqrt(2) / _DEGREE_M
        digits = max(0, min(6, math.ceil(-math.log10(step)) + 1))
        latitude = max(-90.0, min(90.0, _middle(self.latitude, step)))
        # A degree of longitude is shorter the nearer to a pole: seen from the middle, the square is one there too.
        narrow = max(math.cos(math.radians(min(89.9, abs(latitude)))), 1e-3)
        longitude = _middle(self.longitude, min(step / narrow, 360.0))
        return Point(round(latitude, digits), round((longitude + 180) % 360 - 180, digits))


def read_point(text: str) -> Point | None:
    """Return the point that a text is, such as `1.5|2.5` or `1.5, 2.5`: latitude first. None where it is none."""
    if (found := _PAIR.fullmatch(text) or _PAIR_OF_COMMAS.fullmatch(text)) is None:
        return None
    return point_of(*found.groups())


def point_of(latitude: str, longitude: str) -> Point | None:
    """Return the point that two texts are; None where they are none."""
    try:
        point = Point(float(latitude.replace(",", ".")), float(longitude.replace(",", ".")))
    except ValueError:
        return None
    return point if abs(point.latitude) <= 90 and abs(point.longitude) <= 180 else None


def place_at(brought: Brought, point: Point, *, radius_m: float, name: str, within: str | None) -> str:
    """Add the place of a point, and return its identifier: named after where it lies, and within that place if one is known."""
    at = point.rounded(radius_m)
    shown = f"{at.latitude}, {at.longitude}"
    fields = {
        "name": f"{name} ({shown})" if name else shown,
        "kind": "other",
        "part_of": within,
        "latitude": at.latitude,
        "longitude": at.longitude,
        "radius_m": radius_m,
    }
    return brought.add("place", f"point {within or ''} {shown} {radius_m:g}", fields)


def _middle(degrees: float, step: float) -> float:
    return (math.floor(degrees / step) + 0.5) * step
