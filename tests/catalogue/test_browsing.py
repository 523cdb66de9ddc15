"""Lists against a plain-Python model: for random archives, filters and sorts, both ways."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, date, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, get_args

import orjson
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from service.archive.collation import collation_of
from service.catalogue import sets
from service.catalogue.browsing import Catalogue
from service.catalogue.criteria import sort_choices
from service.catalogue.cursor import decode_cursor
from service.catalogue.parameters import read_criteria
from service.errors import InvalidCursor
from service.release.building import filter_index
from service.release.indexing import UNKNOWN, date_key, number_key
from service.release.opening import open_current
from service.release.projection import rounded_point
from service.release.publish import publish
from tests.archives import (
    CRITERIA,
    DATES,
    RELATED_AS,
    TIMES,
    Fields,
    ancestors,
    archive,
    figure_overlaps,
    happened_between,
    nearest_country,
    random_archives,
    record,
    said_of,
    write,
)

Keep = Callable[[Fields, Fields], bool]
Question = tuple[list[tuple[str, str]], Keep]


def publish_in(folder: Path, whole: Fields) -> Catalogue:
    publish(write(folder / "archive.json", whole), folder / "data")
    return Catalogue(open_current(folder / "data"))


def walk(catalogue: Catalogue, collection: str, pairs: list[tuple[str, str]], *, backward: bool = False) -> list[str]:
    """Return the identifiers of a whole list by following its links, from the last page back if `backward`."""
    model = CRITERIA[collection]
    pages = []
    page = catalogue.page(catalogue.look_up(read_criteria(model, pairs)))
    pages.append(page)
    while page.next is not None:
        page = catalogue.page(catalogue.look_up(read_criteria(model, [*pairs, ("cursor", page.next)])))
        pages.append(page)
    if backward:
        pages = [page]
        while page.prev is not None:
            page = catalogue.page(catalogue.look_up(read_criteria(model, [*pairs, ("cursor", page.prev)])))
            pages.insert(0, page)
    assert len({page.total for page in pages}) == 1
    return [orjson.loads(document)["id"] for page in pages for document in page.documents]


def model_order(records: list[Fields], sort: str) -> list[str]:
    """Return identifiers in the order of a sort, unknown dates last."""
    name = sort.removeprefix("-")
    descending = sort.startswith("-")

    def key(each: Fields) -> tuple[Any, ...]:
        if name in ("id", "updated_at"):
            return (each["id"],)
        if name in ("title", "name", "label"):
            return (collation_of("en").key(each[name]), each["id"])
        if name == "value":
            return (UNKNOWN if each.get(name) is None else number_key(each[name]), each["id"])
        return (date_key(each.get(name)), each["id"])

    known = [each for each in records if name not in ("date", "given", "value") or key(each)[0] != UNKNOWN]
    unknown = [each for each in records if each not in known]
    ordered = sorted(known, key=key, reverse=descending) + sorted(unknown, key=key, reverse=descending)
    return [each["id"] for each in ordered]


def test_titles_are_in_the_order_in_which_search_folds_them(tmp_path: Path) -> None:
    titles = ["zoo", "Øst", "Östa", "ostb", "Łuk", "lund", "Ærø", "Zürich", "đ", "e", "İstanbul", "ıb"]
    whole = archive(*(record(f"top-{number:02}", label=title) for number, title in enumerate(titles)))
    with closing((catalogue := publish_in(tmp_path, whole)).release):
        walked = walk(catalogue, "topics", [("sort", "label")])
    ordered = [titles[int(each.removeprefix("top-"))] for each in walked]
    assert ordered == ["Ærø", "đ", "e", "ıb", "İstanbul", "Łuk", "lund", "Øst", "Östa", "ostb", "zoo", "Zürich"]


# An example publishes an archive: making a failing one smaller would take minutes.
UNSHRUNK = (Phase.explicit, Phase.reuse, Phase.generate)

DAYS = ["2019-01-01", "2020-02-29", "2021-05-09", "2022-12-31"]


@cache
def questions(collection: str) -> st.SearchStrategy[Question]:
    """Filters of a collection, each with what it means."""

    def any_of(
        name: str, values: list[str], keep: Callable[[Fields, Fields, set[str]], bool]
    ) -> st.SearchStrategy[Question]:
        return st.lists(st.sampled_from(values), min_size=1, max_size=2).map(
            lambda chosen: ([(name, value) for value in chosen], lambda whole, each: keep(whole, each, set(chosen)))
        )

    shared = [
        any_of(
            "topic",
            ["top-0", "top-1", "top-2", "top-99"],
            lambda whole, each, chosen: any(
                chosen & ancestors(whole, "topics", "broader", topic) for topic in each.get("topics", [])
            ),
        ),
        any_of(
            "place",
            ["plc-0", "plc-1", "plc-2"],
            lambda whole, each, chosen: any(
                chosen & ancestors(whole, "places", "part_of", place) for place in said_of(each, "place")
            ),
        ),
        any_of("source", ["src-1", "src-2"], lambda _, each, chosen: each["citations"][0]["source"] in chosen),
    ]
    own: dict[str, list[st.SearchStrategy[Question]]] = {
        "events": [
            any_of("type", ["detention", "protest", "other"], lambda _, each, chosen: each["type"] in chosen),
            any_of(
                "participant",
                ["agt-1", "agt-2"],
                lambda _, each, chosen: any(one["agent"] in chosen for one in each["participants"]),
            ),
            any_of(
                "country",
                ["RU", "DE"],
                lambda whole, each, chosen: any(
                    nearest_country(whole, said) in chosen for said in said_of(each, "place")
                ),
            ),
            st.tuples(st.just("country"), st.sampled_from(["RU", "DE"])).map(surely_question),
            st.tuples(st.just("place"), st.sampled_from(["plc-0", "plc-1", "plc-2"])).map(surely_question),
            st.sampled_from(["true", "false"]).map(
                lambda truth: ([("undated", truth)], lambda _, each: (each["date"] is None) == (truth == "true"))
            ),
            st.builds(days_question, st.sampled_from(DAYS), st.sampled_from(DAYS), st.booleans(), st.integers(0, 2)),
            st.builds(
                box_question, st.sampled_from(["-180,-90,180,90", "37,55,38,56", "170,-90,-170,90"]), st.booleans()
            ),
        ],
        "testimonies": [
            any_of("witness", ["agt-1", "agt-2"], lambda _, each, chosen: each["witness"] in chosen),
            any_of("language", ["en", "ru"], lambda _, each, chosen: each["language"] in chosen),
            any_of("event", ["evt-1", "evt-2"], lambda _, each, chosen: bool(chosen & set(each["events"]))),
            any_of(
                "related_to",
                ["evt-1", "evt-2"],
                lambda _, each, chosen: any(one["to"] in chosen for one in each["relations"]),
            ),
            any_of(
                "relation", RELATED_AS, lambda _, each, chosen: any(one["type"] in chosen for one in each["relations"])
            ),
        ],
        "statistics": [
            any_of("unit", ["persons", "cases"], lambda _, each, chosen: each["unit"] in chosen),
            any_of("qualifier", ["exact", "about"], lambda _, each, chosen: each["qualifier"] in chosen),
            st.builds(
                values_question, st.sampled_from([None, 0, 20, 29]), st.sampled_from([None, 30, 100]), st.booleans()
            ),
        ],
    }
    return st.one_of(*shared, *own[collection])


def days_question(first: str, second: str, certain: bool, sides: int) -> Question:
    start, end = sorted((first, second))
    pairs = [("date_from", start), ("date_to", end)][sides % 2 : 2 if sides < 2 else 1]
    given = dict(pairs)
    if certain:
        pairs.append(("date_match", "certain"))
    low = date.fromisoformat(given["date_from"]) if "date_from" in given else None
    high = date.fromisoformat(given["date_to"]) if "date_to" in given else None
    every = all if certain else any
    return pairs, lambda _, each: every(
        happened_between(edtf, low, high, certain=certain) for edtf in said_of(each, "date")
    )


def surely_question(asked: tuple[str, str]) -> Question:
    name, value = asked

    def holds(whole: Fields, place: str | None) -> bool:
        if name == "country":
            return nearest_country(whole, place) == value
        return value in ancestors(whole, "places", "part_of", place)

    return [("place_match", "certain"), asked], lambda whole, each: all(
        holds(whole, said) for said in said_of(each, "place")
    )


def box_question(box: str, certain: bool) -> Question:
    west, south, east, north = map(float, box.split(","))

    def lies_inside(whole: Fields, place_id: str | None) -> bool:
        place: Fields = next((place for place in whole["places"] if place["id"] == place_id), {})
        if place.get("latitude") is None:
            return False
        latitude, longitude = rounded_point(place["latitude"], place["longitude"], place["radius_m"])
        across = west <= longitude <= east if west <= east else longitude >= west or longitude <= east
        return bool(south <= latitude <= north and across)

    every = all if certain else any
    pairs = [*([("place_match", "certain")] if certain else []), ("bbox", box)]
    return pairs, lambda whole, each: every(lies_inside(whole, said) for said in said_of(each, "place"))


def values_question(least: int | None, most: int | None, certain: bool) -> Question:
    pairs = [(name, str(value)) for name, value in (("value_min", least), ("value_max", most)) if value is not None]
    if not pairs:
        return [], lambda _, each: True
    if certain:
        pairs.append(("value_match", "certain"))
    return pairs, lambda _, each: figure_overlaps(each, least, most, certain=certain)


@pytest.mark.parametrize("collection", ["testimonies", "events", "statistics"])
@given(data=st.data())
@settings(
    max_examples=10 * TIMES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    phases=UNSHRUNK,
)
def test_walking_all_pages_is_filtering_and_sorting(collection: str, data: st.DataObject) -> None:
    whole = data.draw(random_archives())
    sorts = [sort for sort in get_args(CRITERIA[collection].model_fields["sort"].annotation) if sort != "relevance"]
    with tempfile.TemporaryDirectory() as folder:
        catalogue = publish_in(Path(folder), whole)
        with closing(catalogue.release):
            for _ in range(12):
                asked = {
                    pairs[0][0].split("_")[0]: (pairs, keep)
                    for pairs, keep in data.draw(_some_questions(collection))
                    if pairs
                }
                if any(("place_match", "certain") in pairs for pairs, _ in asked.values()):
                    # It holds for every question about places: one of them is enough.
                    asked = {name: question for name, question in asked.items() if name not in ("country", "bbox")}
                sort = data.draw(st.sampled_from(sorts))
                limit = data.draw(st.integers(1, 5))
                pairs = [pair for pairs, _ in asked.values() for pair in pairs]
                pairs += [("sort", sort), ("limit", str(limit))]
                kept = [each for each in whole[collection] if all(keep(whole, each) for _, keep in asked.values())]
                expected = model_order(kept, sort)
                assert walk(catalogue, collection, pairs) == expected
                assert walk(catalogue, collection, pairs, backward=True) == expected


@cache
def _some_questions(collection: str) -> st.SearchStrategy[list[Question]]:
    return st.lists(questions(collection), max_size=3)


@given(data=st.data())
@settings(max_examples=10 * TIMES, deadline=None, phases=UNSHRUNK)
def test_a_walk_over_a_changing_archive_neither_repeats_nor_skips(data: st.DataObject) -> None:
    numbers = st.lists(st.integers(1, 60), unique=True)
    before, after = set(data.draw(numbers)), set(data.draw(numbers))
    sort = data.draw(st.sampled_from(["id", "-id", "title", "-title", "given", "-given"]))
    title = {n: data.draw(st.sampled_from("ab")) for n in before | after}
    given_on = {n: data.draw(st.sampled_from(DATES)) for n in before | after}

    def whole(present: set[int]) -> Fields:
        gone = [{"id": f"tes-{n:02}", "on": "2026-01-01"} for n in before - after] if present is after else []
        made = (record(f"tes-{n:02}", title=title[n], given=given_on[n]) for n in present)
        return archive(*made, withdrawn=gone)

    model = CRITERIA["testimonies"]
    with tempfile.TemporaryDirectory() as folder:
        catalogue = publish_in(Path(folder), whole(before))
        seen: list[str] = []
        cursor: str | None = ""
        turn = 0
        while cursor is not None:
            pairs = [("sort", sort), ("limit", "4")] + ([("cursor", cursor)] if cursor else [])
            page = catalogue.page(catalogue.look_up(read_criteria(model, pairs)))
            seen += [orjson.loads(document)["id"] for document in page.documents]
            cursor = page.next
            turn += 1
            if turn == 2:
                catalogue.release.close()
                catalogue = publish_in(Path(folder), whole(after))
        catalogue.release.close()
    assert len(seen) == len(set(seen))
    assert {f"tes-{n:02}" for n in before & after} <= set(seen)


@pytest.mark.parametrize("sort", ["id", "-id", "title", "-title"])
@pytest.mark.parametrize("backward", [False, True])
def test_a_walk_goes_on_beside_a_record_that_is_gone(tmp_path: Path, sort: str, *, backward: bool) -> None:
    model = CRITERIA["testimonies"]
    numbers = range(1, 11)
    catalogue = publish_in(tmp_path, archive(*(record(f"tes-{n:02}") for n in numbers)))
    order = [f"tes-{n:02}" for n in (reversed(numbers) if sort.startswith("-") else numbers)]
    pairs = [("sort", sort), ("limit", "4")]
    page = catalogue.page(catalogue.look_up(read_criteria(model, pairs)))
    assert page.next is not None
    page = catalogue.page(catalogue.look_up(read_criteria(model, [*pairs, ("cursor", page.next)])))
    cursor, gone = (page.prev, order[4]) if backward else (page.next, order[7])
    assert cursor is not None
    catalogue.release.close()
    kept = [record(each) for each in order if each != gone]
    catalogue = publish_in(tmp_path, archive(*kept, withdrawn=[{"id": gone, "on": "2026-01-01"}]))
    page = catalogue.page(catalogue.look_up(read_criteria(model, [*pairs, ("cursor", cursor)])))
    found = [orjson.loads(document)["id"] for document in page.documents]
    assert found == (order[:4] if backward else order[8:])
    catalogue.release.close()


@pytest.mark.parametrize("sort", [sort for sort in sort_choices(CRITERIA["testimonies"]) if sort != "relevance"])
@pytest.mark.parametrize("filters", [[], [("language", "en")]])
def test_a_cursor_of_another_release_finds_the_place_by_what_it_holds(
    tmp_path: Path, sort: str, filters: list[tuple[str, str]]
) -> None:
    made = [
        record(f"tes-{n}", title=f"{n % 3}", given=f"202{n % 4}", language="en" if n % 2 else "ru") for n in range(12)
    ]
    publish_in(tmp_path, archive(*made[:7])).release.close()
    with closing((catalogue := publish_in(tmp_path, archive(*made))).release):
        model = CRITERIA["testimonies"]
        listing = catalogue.look_up(read_criteria(model, [*filters, ("sort", sort), ("limit", "2")]))
        page = catalogue.page(listing)
        assert page.next is not None
        while page.next is not None:
            page = catalogue.page(listing, page.next)
            for text in filter(None, (page.next, page.prev)):
                cursor = decode_cursor(text, listing.criteria.fingerprint)
                elsewhere = cursor._replace(place=0, release="another").encode(listing.criteria.fingerprint)
                assert catalogue.page(listing, elsewhere) == catalogue.page(listing, text)
                beyond = cursor._replace(place=10**9).encode(listing.criteria.fingerprint)
                assert catalogue.page(listing, beyond) == catalogue.page(listing, text)


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalogue]:
    """A catalogue of an archive that grew, and changed a little, on each of five days, with the places of most terms kept."""
    folder = tmp_path_factory.mktemp("grown")
    made: dict[int, Fields] = {}
    with pytest.MonkeyPatch.context() as patch:
        for module in (filter_index, sets):
            patch.setattr(module, "PLACED_FROM", 4)
        for day in range(1, 6):
            new = [*range(day, 60, 7), day * 9 % 50]
            made |= {
                n: record(f"evt-{n:02}", title=f"{n * 7 % 10} {day}", type=TYPES[n % 3], date=DAYS[n % 4]) for n in new
            }
            publish(
                write(folder / "archive.json", archive(*made.values())),
                folder / "data",
                now=partial(datetime, 2026, 1, day, tzinfo=UTC),
            )
        with closing((catalogue := Catalogue(open_current(folder / "data"))).release):
            yield catalogue


TYPES = ("detention", "protest", "threat")


@pytest.mark.parametrize("day", range(1, 7))
@pytest.mark.parametrize("sort", ["id", "-id", "title", "date", "-date", "updated_at", "-updated_at"])
@pytest.mark.parametrize(
    "filters",
    [
        [],
        [("type", "detention")],
        [("type", "detention"), ("type", "threat")],
        [("type!", "threat")],
        [("date_to", "2020-12-31")],
        [("type", "detention"), ("date_to", "2020-12-31")],
    ],
)
def test_what_changed_since_a_moment_is_every_record_that_did(
    grown: Catalogue, day: int, sort: str, filters: list[tuple[str, str]]
) -> None:
    def asked(*pairs: tuple[str, str]) -> list[str]:
        return walk(grown, "events", [*filters, ("sort", sort), ("limit", "7"), *pairs])

    changed_at = {
        read["id"]: read["updated_at"]
        for read in map(orjson.loads, next(grown.batches(grown.look_up(read_criteria(CRITERIA["events"], [])))))
    }
    for moment in (f"2026-01-{day:02}", f"2026-01-{day:02}T00:00:01Z"):
        since = moment if "T" in moment else f"{moment}T00:00:00Z"
        expected = [each for each in asked() if changed_at[each] >= since]
        assert asked(("updated_since", moment)) == expected
        backward = [*filters, ("sort", sort), ("limit", "7"), ("updated_since", moment)]
        assert walk(grown, "events", backward, backward=True) == expected
    assert len({*changed_at.values()}) == 5


def test_what_changed_since_a_moment_is_quick_where_little_did_or_little_did_not(
    grown: Catalogue, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sets, "QUICK", 30)
    model = CRITERIA["events"]
    numbers, quick = [], []
    for day in range(1, 7):
        listing = grown.look_up(read_criteria(model, [("updated_since", f"2026-01-{day:02}")]))
        numbers.append(grown.page(listing).total)
        quick.append(listing.quick)
    total = numbers[0]
    assert total > 30
    assert quick == [min(number, total - number) <= 15 for number in numbers]
    assert True in quick
    assert False in quick
    assert not grown.look_up(read_criteria(model, [("date_to", "2020")])).quick


def test_a_cursor_serves_only_the_list_it_was_made_for(tmp_path: Path) -> None:
    catalogue = publish_in(tmp_path, archive(*(record(f"tes-{n}") for n in range(5))))
    model = CRITERIA["testimonies"]
    page = catalogue.page(catalogue.look_up(read_criteria(model, [("limit", "2")])))
    assert page.next is not None
    for other in ([("sort", "-id")], [("language", "en")]):
        with pytest.raises(InvalidCursor, match="other filters or another sort"):
            catalogue.page(catalogue.look_up(read_criteria(model, [*other, ("cursor", page.next)])))
    larger = read_criteria(model, [("limit", "3"), ("cursor", page.next)])
    assert len(catalogue.page(catalogue.look_up(larger)).documents) == 3
