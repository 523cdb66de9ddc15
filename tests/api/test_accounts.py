"""Accounts that differ: what is claimed of an event, figures that are tied to it, and records that relate to each other,
as they are shown, filtered, counted and written as columns. Each in an archive that has little else.
"""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from service.archive.checks import check_archive
from service.archive.identifiers import PREFIXES, RecordType
from service.release.documents import RELATED_SHOWN
from service.release.publish import publish
from service.settings import Settings
from tests.archives import CITED, HEAD, archive, record, write
from tests.conftest import PublishTo, Serve, running

SITUATIONS = Path(__file__).parents[1] / "archive" / "corpus" / "situations"


def _served(folder: Path, situation: str) -> Iterator[httpx.Client]:
    publish(SITUATIONS / situation, folder / "data")
    with running(Settings(data=folder / "data")) as client:
        yield client


@pytest.fixture(scope="module")
def differing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A night of which three sources state two days, two places and three figures; and one on which all agree."""
    yield from _served(tmp_path_factory.mktemp("differing"), "accounts-that-differ.json")


@pytest.fixture(scope="module")
def series(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A monthly series, the first month of which was counted again, and the third of which nobody knows."""
    yield from _served(tmp_path_factory.mktemp("series"), "series-that-was-revised.json")


def found(client: httpx.Client, collection: str, query: str) -> list[str]:
    """Return the identifiers that a list finds. With words another index answers, which must find the same."""
    answer = client.get(f"/v1/{collection}?{query}&sort=id")
    assert answer.status_code == 200, answer.text
    return [each["id"] for each in answer.json()["data"]]


def counted(client: httpx.Client, collection: str, facet: str, query: str = "") -> dict[str | None, int]:
    buckets = client.get(f"/v1/{collection}?facets={facet}&{query}").json()["facets"][facet]
    return {bucket["value"]: bucket["count"] for bucket in buckets}


# --- Claims -----------------------------------------------------------------------------------------------------------


def test_claims_are_shown_as_the_field_is(differing: httpx.Client) -> None:
    event = differing.get("/v1/events/evt-strike").json()
    day, _, place = event["claims"]
    assert day["field"] == "date"
    bounds = dict.fromkeys(("edtf", "earliest", "latest"), "2022-03-16")
    assert day["value"] == event["date"] | bounds
    assert day["asserted_by"] == {"id": "agt-monitors", "label": "The monitors"}
    assert day["citations"][0]["source"]["id"] == "src-monitors"
    assert place["value"] == {"id": "plc-depot", "label": "The depot", "country": None}
    assert event["date"]["edtf"] == "2022-03-17"
    assert event["disputed"] is True


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("date_from=2022-03-16&date_to=2022-03-16", ["evt-calm", "evt-strike"]),
        ("date_from=2022-03-18&date_to=2022-03-18", ["evt-calm", "evt-strike"]),
        ("date_from=2022-03-19", ["evt-calm"]),
        ("date_from=2022-03-17&date_to=2022-03-17&date_match=certain", []),
        ("date_from=2022-03-16&date_to=2022-03-18&date_match=certain", ["evt-strike"]),
        ("date_from=2022-03&date_to=2022-03&date_match=certain", ["evt-calm", "evt-strike"]),
        ("place=plc-depot", ["evt-strike"]),
        ("place=plc-market", ["evt-calm", "evt-strike"]),
        ("place=plc-depot&place_match=certain", []),
        ("place=plc-market&place_match=certain", []),
        ("place=plc-town&place_match=certain", ["evt-calm"]),
        ("disputed=true", ["evt-strike"]),
        ("disputed=false", ["evt-calm"]),
        ("source=src-monitors", ["evt-strike"]),
    ],
)
@pytest.mark.parametrize("words", ["", "&q=strike", "&q=agreed"])
def test_filters_look_at_claims(differing: httpx.Client, query: str, expected: list[str], words: str) -> None:
    about = {"": {"evt-calm", "evt-strike"}, "&q=agreed": {"evt-calm"}, "&q=strike": {"evt-strike"}}
    assert found(differing, "events", query + words) == [each for each in expected if each in about[words]]


def test_facets_count_what_the_filters_find(differing: httpx.Client) -> None:
    assert counted(differing, "events", "place") == {"plc-market": 2, "plc-town": 2, "plc-depot": 1, None: 0}
    assert counted(differing, "events", "disputed") == {"true": 1, "false": 1, None: 0}
    assert counted(differing, "events", "place", "date_from=2022-03-18&date_to=2022-03-18&date_match=certain") == {
        None: 0
    }


@pytest.fixture(scope="module")
def borders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A night that two claim for other places than the archive, one beyond a border; one that has no place but a claimed
    one; and one on which all agree. Of the places that are claimed for the first, no point lies where the two are mixed.
    """
    folder = tmp_path_factory.mktemp("borders")
    claims = [
        {"field": "place", "value": place, "asserted_by": agent, "citations": CITED}
        for place, agent in (("plc-far", "agt-1"), ("plc-far", "agt-2"), ("plc-vague", "agt-2"))
    ]
    whole = archive(
        record("agt-1"),
        record("agt-2"),
        record("plc-land", country="AQ"),
        record("plc-near", part_of="plc-land", latitude=10, longitude=10, radius_m=10),
        record("plc-beside", part_of="plc-land", latitude=11, longitude=11, radius_m=10),
        record("plc-far", country="BV", latitude=50, longitude=50, radius_m=20),
        record("plc-vague", part_of="plc-land"),
        record("evt-agreed", title="agreed", place="plc-near", claims=[claims[0] | {"value": "plc-beside"}]),
        record("evt-claimed", title="claimed", claims=claims[:1]),
        record("evt-night", title="night", place="plc-near", claims=claims),
        record("evt-plain", title="plain", place="plc-near"),
    )
    publish(write(folder / "archive.json", whole), folder / "data")
    with running(Settings(data=folder / "data")) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("country=AQ", ["agreed", "night", "plain"]),
        ("country=BV", ["claimed", "night"]),
        ("country=AQ&place_match=certain", ["agreed", "plain"]),
        ("country=BV&place_match=certain", []),
        ("country=null", []),
        ("country!=BV", ["agreed", "plain"]),
        ("bbox=49,49,51,51", ["claimed", "night"]),
        ("bbox=9,9,10.5,10.5", ["agreed", "night", "plain"]),
        ("bbox=9,49,10.5,51", []),
        ("bbox=9,9,51,51&place_match=certain", ["agreed", "plain"]),
        ("bbox=9,9,10.5,10.5&place_match=certain", ["plain"]),
        ("bbox=49,49,10.5,51", ["claimed", "night"]),
        ("place=plc-land&place_match=certain", ["agreed", "plain"]),
    ],
)
@pytest.mark.parametrize("words", ["", "&q=agreed", "&q=claimed", "&q=night", "&q=plain"])
def test_countries_and_boxes_look_at_claims(borders: httpx.Client, query: str, expected: list[str], words: str) -> None:
    about = words.removeprefix("&q=")
    assert found(borders, "events", query + words) == [f"evt-{each}" for each in expected if about in ("", each)]


@pytest.mark.parametrize("place", ["plc-near", "plc-far", "plc-vague", "plc-beside"])
def test_a_place_that_is_claimed_for_an_event_is_named_by_it(borders: httpx.Client, place: str) -> None:
    naming = found(borders, "events", f"refers_to={place}")
    assert naming == found(borders, "events", f"place={place}")
    assert naming
    assert borders.get(f"/v1/places/{place}").json()["referred_by"]["events"] == len(naming)


def test_countries_are_counted_as_they_are_found(borders: httpx.Client) -> None:
    assert counted(borders, "events", "country") == {"AQ": 3, "BV": 2, None: 0}


def test_a_map_draws_each_place_that_is_claimed(borders: httpx.Client) -> None:
    answer = borders.get("/v1/events.geojson?fields=title")
    drawn = {
        each["id"]: ([round(degrees, 4) for degrees in each["geometry"]["coordinates"]], each["properties"])
        for each in answer.json()["features"]
    }
    one, other = ({"id": f"agt-{number}", "label": "The council"} for number in (1, 2))
    assert drawn == {
        "evt-agreed": ([10, 10], {"title": "agreed", "radius_m": 10, "claimed_by": []}),
        "evt-agreed/plc-beside": (
            [11, 11],
            {"title": "agreed", "radius_m": 10, "claimed_by": [one]},
        ),
        "evt-claimed/plc-far": (
            [50, 50],
            {"title": "claimed", "radius_m": 20, "claimed_by": [one]},
        ),
        "evt-night": ([10, 10], {"title": "night", "radius_m": 10, "claimed_by": []}),
        "evt-night/plc-far": (
            [50, 50],
            {"title": "night", "radius_m": 20, "claimed_by": [one, other]},
        ),
        "evt-plain": ([10, 10], {"title": "plain", "radius_m": 10, "claimed_by": []}),
    }
    assert (answer.headers["archive-total"], answer.headers["archive-omitted"]) == ("4", "0")


def test_claims_are_columns(differing: httpx.Client) -> None:
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(differing.get("/v1/events?format=csv").text))}
    strike = rows["evt-strike"]
    assert strike["claim_field"] == "date|date|place"
    assert strike["claim_value"] == "2022-03-16|2022-03-18|plc-depot"
    assert strike["claim_asserted_by_id"] == "agt-monitors|agt-hospital|agt-office"
    assert strike["claim_source_ids"] == "src-monitors|src-hospital|src-ministry"
    assert (strike["disputed"], rows["evt-calm"]["disputed"]) == ("true", "false")


@pytest.mark.parametrize(
    ("own", "claims", "disputed"),
    [
        ({"date": "2021-05"}, [("date", "2021-05-09")], False),
        ({"date": "2021-05"}, [("date", "2021-06")], True),
        ({"date": "2021"}, [("date", "2021-05"), ("date", "2021-06")], True),
        ({"date": None}, [("date", "2021-05")], False),
        ({"date": None}, [("date", "2021-05"), ("date", "2021-06/..")], True),
        ({"date": "2021-05"}, [("date", "XXXX-05-09")], False),
        ({"date": "2021-05"}, [("date", "XXXX-06-09")], True),
        ({"date": "XXXX-05-09"}, [("date", "XXXX-05-10")], True),
        ({"place": "plc-street"}, [("place", "plc-town")], False),
        ({"place": "plc-town"}, [("place", "plc-street"), ("place", "plc-square")], True),
        ({}, [("place", "plc-street")], False),
        ({}, [("type", "other")], False),
        ({}, [("type", "protest")], True),
        ({}, [], False),
    ],
)
def test_accounts_disagree_where_they_cannot_both_hold(
    publish_to: PublishTo,
    serve: Serve,
    tmp_path: Path,
    own: dict[str, Any],
    claims: list[tuple[str, str]],
    disputed: bool,
) -> None:
    cited = {"asserted_by": "agt-1", "citations": [{"source": "src-1"}]}
    stated = [{"field": name, "value": value, **cited} for name, value in claims]
    places = [record("plc-town"), *(record(f"plc-{name}", part_of="plc-town") for name in ("street", "square"))]
    event = record("evt-1", **({"date_note": "As stated."} | own), claims=stated)
    publish_to(tmp_path / "data", archive(*places, event))
    assert serve(tmp_path / "data").get("/v1/events/evt-1").json()["disputed"] is disputed


# --- Figures of an event ----------------------------------------------------------------------------------------------


def test_figures_are_found_by_their_event(differing: httpx.Client) -> None:
    assert found(differing, "statistics", "event=evt-strike") == ["sta-exact", "sta-least", "sta-none"]
    assert differing.get("/v1/statistics/sta-exact").json()["events"] == [{"id": "evt-strike", "label": "A strike"}]
    assert counted(differing, "statistics", "event") == {"evt-strike": 3, None: 0}


PLACES = [record("plc-1"), record("plc-2")]
EXACT: dict[str, Any] = {"value": 29, "lower": 29, "upper": 29, "events": ["evt-1"]}
LESS: dict[str, Any] = {"value": 5, "lower": 5, "upper": 5, "as_stated": "5", "events": ["evt-1"]}
ABOUT: dict[str, Any] = {
    "qualifier": "about",
    "value": 5,
    "lower": None,
    "upper": None,
    "bounds_basis": "none",
    "events": ["evt-1"],
}


@pytest.mark.parametrize(
    ("one", "other", "disputed"),
    [
        (EXACT, LESS, True),
        (EXACT, {**LESS, "unit": "persons"}, False),
        (EXACT, {**LESS, "population": "children told to leave"}, False),
        (EXACT, {**LESS, "breakdown": {"sex": "women"}}, False),
        (EXACT, {**LESS, "period": "2021"}, True),
        ({**EXACT, "period": "2020"}, {**LESS, "period": "2021"}, False),
        ({**EXACT, "period": "2021"}, {**LESS, "place": "plc-1"}, True),
        ({**EXACT, "place": "plc-2"}, {**LESS, "place": "plc-1"}, False),
        (EXACT, {**LESS, "events": []}, False),
        (EXACT, {**LESS, "access": {"visibility": "restricted"}}, False),
        (EXACT, {**LESS, "relations": [{"type": "revises", "to": "sta-1"}]}, False),
        (EXACT, ABOUT, False),
        (EXACT, {**LESS, "qualifier": "at_least", "upper": None}, False),
        (
            EXACT,
            {**LESS, "qualifier": "less_than", "value": 29, "upper": 29, "lower": None, "upper_inclusive": False},
            True,
        ),
    ],
)
def test_figures_disagree_where_they_cannot_both_hold(
    publish_to: PublishTo, serve: Serve, tmp_path: Path, one: dict[str, Any], other: dict[str, Any], disputed: bool
) -> None:
    publish_to(tmp_path / "data", archive(*PLACES, record("evt-1"), record("sta-1", **one), record("sta-2", **other)))
    assert found(serve(tmp_path / "data"), "events", f"disputed={str(disputed).lower()}") == ["evt-1"]


# --- Series -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("series=Detentions+by+month&current=true", ["sta-2015-01-again", "sta-2015-02", "sta-2015-03"]),
        ("series=Detentions+by+month&current=false", ["sta-2015-01"]),
        ("period_from=2015-02-01&period_to=2015-02-28", ["sta-2015-02", "sta-2015-02-women"]),
        ("period_from=2015-02-10&period_to=2015-12-31&period_match=certain", ["sta-2015-03"]),
        ("qualifier=not_available", ["sta-2015-03"]),
        ("value_min=0", ["sta-2015-01", "sta-2015-01-again", "sta-2015-02", "sta-2015-02-women"]),
        ("value_min=10&value_match=certain", ["sta-2015-01", "sta-2015-01-again"]),
        ("sex=women", ["sta-2015-02-women"]),
        ("related_to=sta-2015-01", ["sta-2015-01-again"]),
        ("relation=revises", ["sta-2015-01-again"]),
    ],
)
@pytest.mark.parametrize("words", ["", "&q=one+detentions", "&q=passengers"])
def test_figures_are_found_over_time(series: httpx.Client, query: str, expected: list[str], words: str) -> None:
    assert found(series, "statistics", query + words) == ([] if "one" in words else expected)


def test_figures_are_sorted_by_the_time_they_cover(series: httpx.Client) -> None:
    listed = series.get("/v1/statistics?series=Detentions+by+month&current=true&sort=-period").json()["data"]
    assert [each["id"] for each in listed] == ["sta-2015-03", "sta-2015-02", "sta-2015-01-again"]
    assert [each["value"] for each in listed] == [None, 9, 14]


def test_a_revision_is_shown_at_both_ends(series: httpx.Client) -> None:
    first = series.get("/v1/statistics/sta-2015-01").json()
    second = series.get("/v1/statistics/sta-2015-01-again").json()
    said: dict[str, Any] = {"type": "revises", "asserted_by": None, "note": "Late reports were added.", "citations": []}
    label = "Detentions, month 1"
    assert second["relations"] == [said | {"to": {"id": "sta-2015-01", "label": label}}]
    assert first["related_from"] == [said | {"from": {"id": "sta-2015-01-again", "label": label}}]
    assert (first["relations"], second["related_from"]) == ([], [])
    assert (first["current"], second["current"]) == (False, True)


def test_a_series_is_counted_and_written_as_columns(series: httpx.Client) -> None:
    assert counted(series, "statistics", "series")["Detentions by month"] == 4
    assert counted(series, "statistics", "current") == {"true": 4, "false": 1, None: 0}
    assert counted(series, "statistics", "sex") == {"women": 1, None: 4}
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(series.get("/v1/statistics?format=csv").text))}
    assert (rows["sta-2015-01"]["current"], rows["sta-2015-02"]["current"]) == ("false", "true")
    assert rows["sta-2015-01"]["related_from_ids"] == rows["sta-2015-01"]["related_from_ids"] == "sta-2015-01-again"
    assert rows["sta-2015-01-again"]["relation_to_id"] == "sta-2015-01"
    assert rows["sta-2015-02-women"]["breakdown_sex"] == "women"
    assert rows["sta-2015-03"]["value"] == ""


# --- Relations --------------------------------------------------------------------------------------------------------


def related(record_id: str, kind: str, to: str, **fields: Any) -> dict[str, Any]:
    return record(record_id, relations=[{"type": kind, "to": to}], **fields)


@pytest.mark.parametrize(
    ("records", "disputed"),
    [
        ([related("src-2", "disputes", "evt-1")], True),
        ([related("evt-2", "disputes", "evt-1")], True),
        ([related("evt-2", "corroborates", "evt-1")], False),
        ([related("tes-1", "disputes", "tes-2", events=["evt-1"]), record("tes-2", events=["evt-1"])], True),
        ([related("tes-1", "disputes", "tes-2", events=["evt-1"]), record("tes-2")], False),
        ([related("tes-1", "disputes", "evt-1", access={"visibility": "restricted"})], False),
    ],
)
def test_what_is_disputed_by_a_record(
    publish_to: PublishTo, serve: Serve, tmp_path: Path, records: list[dict[str, Any]], disputed: bool
) -> None:
    publish_to(tmp_path / "data", archive(record("evt-1"), *records))
    assert serve(tmp_path / "data").get("/v1/events/evt-1").json()["disputed"] is disputed


def test_the_other_end_of_a_relation_changes_with_it(publish_to: PublishTo, serve: Serve, tmp_path: Path) -> None:
    """As an act does with what was answered: what is served of the record is another."""
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1"), record("tes-2")))
    publish_to(data, archive(record("tes-1"), related("tes-2", "disputes", "tes-1")))
    client = serve(data)
    assert client.get("/v1/testimonies/tes-1").json()["version"] == 2
    assert [each["id"] for each in client.get("/v1/changes").json()["data"][-2:]] == ["tes-1", "tes-2"]


def test_a_record_that_many_relate_to_shows_the_first(publish_to: PublishTo, serve: Serve, tmp_path: Path) -> None:
    many = [related(f"tes-{number:03}", "account_of", "evt-1") for number in range(RELATED_SHOWN + 5)]
    publish_to(tmp_path / "data", archive(record("evt-1"), *many))
    client = serve(tmp_path / "data")
    shown = client.get("/v1/events/evt-1").json()["related_from"]
    assert [each["from"]["id"] for each in shown] == [f"tes-{number:03}" for number in range(RELATED_SHOWN)]
    assert client.get("/v1/testimonies?related_to=evt-1").json()["meta"]["total"] == RELATED_SHOWN + 5


# --- What breaks ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["revises", "same_original"])
@pytest.mark.parametrize("closed", [True, False])
def test_long_chains_and_circles_take_bounded_time(tmp_path: Path, kind: str, closed: bool) -> None:
    """Each relation is looked at once, however long they go on."""
    count = 2_000
    chain = [related(f"sta-{number}", kind, f"sta-{number + 1}") for number in range(count)]
    last = related(f"sta-{count}", kind, "sta-0") if closed else record(f"sta-{count}")
    whole = archive(*chain, last)
    report = check_archive(write(tmp_path / "archive.json", whole), today=date(2024, 6, 1))
    expected = ["reference_cycle"] if closed and kind == "revises" else []
    assert [finding.code for finding in report.findings] == expected
    assert json.dumps([finding.detail for finding in report.findings]).count("sta-") == len(expected)


#: Runs a command, and says at last its exit code, seconds of the processor and most kilobytes of memory, in a process of its own:
#: Linux counts the memory of whoever starts a process among that process's.
_MEASURED = """
import json, resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([code, used.ru_utime + used.ru_stime, used.ru_maxrss]), file=sys.stderr)
"""


@pytest.mark.parametrize("kind", ["statistic", "event"])
def test_a_circle_of_a_hundred_thousand_takes_what_as_many_records_do(tmp_path: Path, kind: RecordType) -> None:
    """By the command, of which all processes are counted. Looking at each pair would take hours."""
    count = 100_000
    prefix = PREFIXES[kind]
    link: Callable[[str], dict[str, Any]] = {
        "statistic": lambda to: {"relations": [{"type": "revises", "to": to}]},
        "event": lambda to: {"part_of": to},
    }[kind]
    lines = [{"format": "testimony-archive/1", "archive": HEAD}]
    lines += [{"record": record_type, **record(f"{PREFIXES[record_type]}-1")} for record_type in ("source", "agent")]
    least = {"record": kind, **record(f"{prefix}-0")}
    lines += [
        least | {"id": f"{prefix}-{number}"} | link(f"{prefix}-{(number + 1) % count}") for number in range(count)
    ]
    path = tmp_path / "archive.jsonl"
    path.write_bytes(b"".join(orjson.dumps(line) + b"\n" for line in lines))
    command = [sys.executable, "-c", _MEASURED, sys.executable, "-m", "service", "check", str(path)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.stdout.count("reference_cycle") == 1
    code, seconds, kilobytes = json.loads(told.stderr.splitlines()[-1])
    assert code == 1
    # On the machine it was written on: 6 s, 105 MB.
    assert seconds < 60
    assert kilobytes < 400_000


def test_an_answer_about_the_event_around_it_stands_beside_the_act(
    publish_to: PublishTo, serve: Serve, tmp_path: Path
) -> None:
    """It is what satisfies `missing_response`, so whoever reads of the act has to see it: in data, in `included` and on the page."""
    act = {"type": "blow", "actor": "agt-2", "status": "alleged", "asserted_by": "agt-1", "citations": CITED}
    answer = record("rsp-1", party="agt-2", kind="denied", about=["evt-1"], summary="Nobody was struck.")
    inner = record("evt-3", part_of="evt-2", acts=[act])
    publish_to(
        tmp_path / "data",
        archive(record("agt-2"), record("evt-1"), record("evt-2", part_of="evt-1"), inner, answer),
    )
    client = serve(tmp_path / "data")
    shown = client.get("/v1/events?id=evt-3&include=responses").json()
    assert [each["summary"] for each in shown["data"][0]["acts"][0]["responses"]] == ["Nobody was struck."]
    assert [each["id"] for each in shown["included"]] == ["rsp-1"]
    page = client.get("/events/evt-3").text
    assert page.index("Nobody was struck.") > page.index("What the accused answered")
