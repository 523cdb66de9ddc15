"""The map: what is drawn of places, that it is drawn once for a release, and that a page of it stays small whatever their number."""

import html
import re
from pathlib import Path
from random import Random

import httpx
import pytest

from service.pages import maps
from service.pages.maps import HEIGHT, MOST_SPOTS, WIDTH, Place, Section, section_of, spots_of
from tests.archives import archive, record
from tests.conftest import PublishTo, Serve
from tests.pages.test_pages import BROWSER, LARGEST

WORLD = Section((-180.0, -60.0, 180.0, 84.0))


def place(number: int, longitude: float, latitude: float, radius_m: float = 1000) -> Place:
    return Place(f"plc-{number}", f"Place {number}", longitude, latitude, radius_m)


def test_places_that_lie_together_are_one_spot_with_all_of_them() -> None:
    near, far = [place(1, 10, 50), place(2, 10.01, 50.01)], place(3, 60, 20)
    assert [spot.places for spot in spots_of([*near, far], WORLD)] == [near, [far]]


def test_the_widest_radius_is_drawn_first_so_that_it_hides_no_other() -> None:
    spots = spots_of([place(1, 10, 50, radius_m=100), place(2, 60, 20, radius_m=900_000)], WORLD)
    assert [spot.places[0].id for spot in spots] == ["plc-2", "plc-1"]
    # 900 km are a little more than eight of the 144 degrees from bottom to top.
    assert spots[0].radius == pytest.approx(900 / 111.32 / 144 * HEIGHT, abs=0.1)


def test_of_places_everywhere_no_more_spots_are_drawn_than_a_page_can_carry() -> None:
    random = Random(7)
    places = [place(number, random.uniform(-180, 180), random.uniform(-60, 80)) for number in range(2000)]
    spots = spots_of(places, WORLD)
    assert 10 < len(spots) <= MOST_SPOTS
    assert sorted(each.id for spot in spots for each in spot.places) == sorted(each.id for each in places)


@pytest.mark.parametrize(
    "points",
    [
        [(37.6, 55.7)],
        [(-179.9, 10.0), (179.9, -10.0)],
        [(0.0, 0.0)],  # open sea: the section reaches to a coast
        [(20.0, 89.0)],
        [(10.0, 10.0), (10.0, 10.0)],
    ],
)
def test_every_point_lies_in_the_section_that_is_drawn_and_a_coast_with_it(points: list[tuple[float, float]]) -> None:
    section = section_of(points)
    for longitude, latitude in points:
        x, y = section.at(longitude, latitude)
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
    assert maps.land_path(section).startswith("M")


def places_of(page: httpx.Response) -> list[str]:
    return re.findall(r'<a href="/places/(plc-[0-9]+)">', page.text)


def test_a_map_of_many_places_is_small_and_its_table_goes_on(
    publish_to: PublishTo, serve: Serve, tmp_path: Path
) -> None:
    random = Random(7)
    records = []
    for number in range(400):
        point = {"latitude": random.uniform(-60, 80), "longitude": random.uniform(-180, 180), "radius_m": 100}
        name = f"{number:03} {random.randbytes(20).hex()}"
        records.append(record(f"plc-{number}", name=name, **(point if number % 5 else {})))
    publish_to(tmp_path / "data", archive(*records))
    client = serve(tmp_path / "data")
    address, seen, pages = "/map", list[str](), 0
    while address:
        page = client.get(address, headers={**BROWSER, "Accept-Encoding": "gzip", "Accept-Language": "en"})
        assert int(page.headers["content-length"]) < LARGEST
        assert "Map of the places with a point: 320" in page.text
        seen += places_of(page)
        pages += 1
        following = re.findall(r'<a rel="next" href="([^"]+)"', page.text)
        address = html.unescape(following[0]) if following else ""
    assert sorted(seen) == sorted(each["id"] for each in records)
    assert pages == 7


def test_outlines_are_drawn_once_for_a_release(
    publish_to: PublishTo, serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_to(tmp_path / "data", archive(record("plc-1", name="Here", latitude=10, longitude=10, radius_m=100)))
    client = serve(tmp_path / "data", cache_mib=0)
    assert 'class="land"' in client.get("/map", headers=BROWSER).text

    def drawn_again(_: Section) -> str:
        raise AssertionError

    monkeypatch.setattr(maps, "land_path", drawn_again)
    page = client.get("/map?lang=ar", headers=BROWSER)
    assert page.status_code == 200
    assert re.search(r'class="land" fill-rule="evenodd" d="M', page.text)


def test_a_spot_says_its_places_in_the_readers_language(publish_to: PublishTo, serve: Serve, tmp_path: Path) -> None:
    point = {"latitude": 10, "longitude": 10, "radius_m": 100}
    square = record("plc-1", name="A square", translations={"ru": {"name": "Площадь"}}, **point)
    gates = (record(f"plc-{number}", name=f"Gate {number}", **point) for number in range(2, 7))
    publish_to(tmp_path / "data", archive(square, *gates))
    client = serve(tmp_path / "data")
    for language, name in (("en", "A square"), ("ru", "Площадь")):
        page = client.get("/map", headers={**BROWSER, "Accept-Language": language}).text
        [title] = re.findall(r"</text><title>([^<]*)</title>", page)
        assert title == f"{name}, Gate 2, Gate 3, Gate 4, …"
