"""Points are rounded to their radius: always the same way, never to more than is told, and no further off than is said."""

import json
import math
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.release.projection import DEGREE_M, rounded_point
from service.release.publish import publish
from tests.archives import TIMES, archive, record, write

LATITUDES = st.floats(-90, 90)
LONGITUDES = st.floats(-180, 180)
RADII = st.floats(1e-9, 2**53 - 1) | st.integers(1, 10**7)


def metres_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the distance of two points on a sphere of the Earth's mean radius (haversine)."""
    latitude_1, longitude_1, latitude_2, longitude_2 = map(math.radians, (*one, *other))
    chord = (
        math.sin((latitude_2 - latitude_1) / 2) ** 2
        + math.cos(latitude_1) * math.cos(latitude_2) * math.sin((longitude_2 - longitude_1) / 2) ** 2
    )
    return 2 * 6_371_008.8 * math.asin(min(1, math.sqrt(chord)))


@pytest.mark.parametrize(
    ("given_point", "radius_m", "told"),
    [
        # Moscow, to within a street, a district, a city and a country.
        ((55.7558, 37.6173), 100, (55.7559, 37.6176)),
        ((55.7558, 37.6173), 1000, (55.755, 37.616)),
        ((55.7558, 37.6173), 20_000, (55.8, 37.44)),
        ((55.7558, 37.6173), 500_000, (54, 36)),
        ((0, 0), 1000, (0, 0)),
        ((0.0044, -0.0046), 1000, (0, -0.009)),
        # The poles have no longitude, and near them a step of it is nothing.
        ((90, 123.4), 10, (90, 0)),
        ((-90, -180), 10, (-90, 0)),
        ((89.99999, 77), 100, (90, 0)),
        ((85, 100.1234), 1000, (84.996, 100.125)),
        # Both sides of the antimeridian round to within the range.
        ((10, 179.9999), 1000, (9.999, 180)),
        ((10, -179.9999), 1000, (9.999, -180)),
        # What is finer than any place that is told, and coarser than the Earth.
        ((12.3456789, -98.7654321), 1e-9, (12.345679, -98.765432)),
        ((12.3456789, -98.7654321), 30_000_000, (0, 0)),
    ],
)
def test_a_point_is_rounded_to_a_grid_of_its_radius(
    given_point: tuple[float, float], radius_m: float, told: tuple[float, float]
) -> None:
    assert rounded_point(*given_point, radius_m) == told


@given(LATITUDES, LONGITUDES, RADII)
@settings(max_examples=500 * TIMES)
@example(-0.0, -0.0, 5)
@example(90.0, 180.0, 1e-9)
@example(-90.0, -180.0, 2**53 - 1)
def test_a_rounded_point_is_in_range_and_stays_as_it_is(latitude: float, longitude: float, radius_m: float) -> None:
    once = rounded_point(latitude, longitude, radius_m)
    assert -90 <= once[0] <= 90
    assert -180 <= once[1] <= 180
    assert rounded_point(*once, radius_m) == once
    # As it is written and read again.
    assert json.loads(json.dumps(once)) == list(once)
    assert "-0" not in {str(part) for part in once}


@given(st.floats(-85, 85), LONGITUDES, st.floats(1, 300_000))
@settings(max_examples=500 * TIMES)
def test_a_rounded_point_is_no_further_off_than_its_radius_says(
    latitude: float, longitude: float, radius_m: float
) -> None:
    told = rounded_point(latitude, longitude, radius_m)
    # Above 80 degrees circles of latitude shrink within a cell; the cell is measured at the latitude that is told.
    assert metres_between((latitude, longitude), told) <= radius_m * (1 if abs(latitude) < 60 else 1.2)


@given(st.floats(-80, 80), LONGITUDES, st.floats(1, 300_000))
@settings(max_examples=250 * TIMES)
def test_points_within_a_radius_are_told_as_one_or_as_neighbours_a_radius_apart(
    latitude: float, longitude: float, radius_m: float
) -> None:
    told = rounded_point(latitude, longitude, radius_m)
    moved = rounded_point(latitude + radius_m / DEGREE_M, longitude, radius_m)
    cell = abs(moved[0] - told[0]) * DEGREE_M
    assert cell == 0 or cell >= radius_m * (1 - 1e-6)


def test_what_is_finer_than_the_radius_is_in_no_file_of_the_release(tmp_path: Path) -> None:
    place = record("plc-1", latitude=55.7558213, longitude=37.6173447, radius_m=1000)
    published = publish(write(tmp_path / "a.json", archive(place, record("evt-1", place="plc-1"))), tmp_path / "data")
    records = map(json.loads, (published.folder / "archive.jsonl").read_text().splitlines())
    [shown] = [each for each in records if each.get("id") == "plc-1"]
    assert (shown["latitude"], shown["longitude"], shown["radius_m"]) == (55.755, 37.616, 1000)
    again = publish(published.folder / "archive.jsonl", tmp_path / "again")
    assert again.manifest.id == published.manifest.id
