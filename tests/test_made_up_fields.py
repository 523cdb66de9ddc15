"""A field is declared once: fields of every kind, made up here, are checked, published, shown, described, filtered by,
counted, sorted by and searched, with nothing written anywhere else.
"""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

import httpx
import jsonschema_rs
import pytest
from pydantic import Field

from service.archive.checks import ArchiveInvalid
from service.archive.identifiers import AgentRef, PlaceRef
from service.archive.marks import Filtered, Searched, Sorted, Translated
from service.archive.model import NO_ITEMS, RECORD_MODELS, Event, Part
from service.archive.values import Edtf, Number, Text
from service.release.publish import publish
from service.settings import Settings
from tests.archives import archive, record, write
from tests.conftest import PublishTo, running


class Vehicle(Part):
    """A vehicle that was seen."""

    plate: Annotated[Text, Searched(), Filtered("With this plate.", name="plate"), Field(description="Its plate.")]
    driver: Annotated[
        AgentRef | None, Filtered("Driven by this agent.", name="driver"), Field(description="Who drove.")
    ] = None
    wheels: Annotated[Number | None, Field(description="Its wheels.")] = None


class EventWithMore(Event):
    """An event with a field of every kind more than the format has."""

    record = "event"

    weather: Annotated[
        Text | None, Searched(), Translated(), Filtered("In this weather."), Sorted(), Field(description="The weather.")
    ] = None
    sounds: Annotated[list[Text], Searched(), Filtered("With this sound."), Field(description="What was heard.")] = (
        NO_ITEMS
    )
    light: Annotated[
        Literal["day", "dusk", "night"] | None, Filtered("In this light."), Sorted(), Field(description="The light.")
    ] = None
    onlookers: Annotated[
        Number | None, Filtered("With so many onlookers."), Sorted(), Field(description="How many looked on.")
    ] = None
    reported_on: Annotated[
        Edtf | None, Filtered("Reported then."), Sorted(), Field(description="When it was reported.")
    ] = None
    is_filmed: Annotated[bool, Filtered("Filmed or not."), Field(description="Whether it was filmed.")] = False
    officer: Annotated[AgentRef | None, Filtered("With this officer."), Field(description="Who was in charge.")] = None
    routes: Annotated[
        list[PlaceRef],
        Filtered("Leading through this place.", is_wide=True),
        Field(description="Where it led through."),
    ] = NO_ITEMS
    escort: Annotated[Vehicle | None, Field(description="The vehicle in front.")] = None
    vehicles: Annotated[list[Vehicle], Field(description="All other vehicles.")] = NO_ITEMS


NAMES = set(EventWithMore.model_fields) - set(Event.model_fields)

PLACES = [record("plc-1", name="Arden"), record("plc-2", name="Mill Lane", part_of="plc-1")]
FULL: dict[str, Any] = {
    "weather": "Sleet",
    "sounds": ["a siren", "=glass|breaking"],
    "light": "night",
    "onlookers": 12,
    "reported_on": "2021-06",
    "is_filmed": True,
    "officer": "agt-1",
    "routes": ["plc-2"],
    "escort": {"plate": "AR 1", "driver": "agt-1", "wheels": 2},
    "vehicles": [{"plate": "AR 7", "wheels": 4}, {"plate": "AR 9", "driver": "agt-1"}],
    "translations": {"de": {"weather": "Schneeregen"}},
}
OTHER: dict[str, Any] = {
    "weather": "breeze",
    "light": "day",
    "onlookers": 200,
    "reported_on": "2021-05-20",
    "officer": "agt-2",
    "routes": ["plc-1"],
}
EVENTS = [record("evt-1", **FULL), record("evt-2", **OTHER), record("evt-3")]
AGENTS = [record("agt-1"), record("agt-2", name="The prefect")]


@pytest.fixture(scope="module")
def made_up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server with an archive whose events have the fields above."""
    folder = tmp_path_factory.mktemp("made-up")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(RECORD_MODELS, "event", EventWithMore)
        publish(write(folder / "archive.json", archive(*PLACES, *AGENTS, *EVENTS)), folder / "data")
        with running(Settings(data=folder / "data")) as client:
            yield client


def found(client: httpx.Client, query: str) -> list[str]:
    """Return the identifiers of the events that a query finds, in their order."""
    answer = client.get(f"/v1/events?{query}")
    assert answer.status_code == 200, answer.text
    return [event["id"] for event in answer.json()["data"]]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"weather": ""}, "invalid_value"),
        ({"light": "dawn"}, "invalid_value"),
        ({"onlookers": "many"}, "invalid_type"),
        ({"reported_on": "2021-02-30"}, "invalid_date"),
        ({"officer": "agt-9"}, "dangling_reference"),
        ({"officer": "plc-1"}, "wrong_reference_type"),
        ({"routes": ["plc-9"]}, "dangling_reference"),
        ({"escort": {}}, "missing_field"),
        ({"vehicles": [{"plate": "AR 7", "driver": "agt-9"}]}, "dangling_reference"),
        ({"translations": {"de": {"light": "Nacht"}}}, "unknown_field"),
    ],
)
def test_they_are_checked(
    monkeypatch: pytest.MonkeyPatch, publish_to: PublishTo, tmp_path: Path, fields: dict[str, Any], code: str
) -> None:
    monkeypatch.setitem(RECORD_MODELS, "event", EventWithMore)
    with pytest.raises(ArchiveInvalid) as invalid:
        publish_to(tmp_path / "data", archive(*PLACES, record("evt-1", **fields)))
    assert {finding.code for finding in invalid.value.report.findings} >= {code}


def test_they_are_shown(made_up: httpx.Client) -> None:
    agent = {"id": "agt-1", "label": "The council"}
    full = made_up.get("/v1/events/evt-1").json()
    assert {name: full[name] for name in NAMES} == {
        "weather": "Sleet",
        "sounds": ["a siren", "=glass|breaking"],
        "light": "night",
        "onlookers": 12,
        "reported_on": {
            "edtf": "2021-06",
            "earliest": "2021-06-01",
            "latest": "2021-06-30",
            "open_end": False,
            "note": None,
        },
        "is_filmed": True,
        "officer": agent,
        "routes": [{"id": "plc-2", "label": "Mill Lane", "country": None}],
        "escort": {"plate": "AR 1", "driver": agent, "wheels": 2},
        "vehicles": [
            {"plate": "AR 7", "driver": None, "wheels": 4},
            {"plate": "AR 9", "driver": agent, "wheels": None},
        ],
    }
    empty = made_up.get("/v1/events/evt-3").json()
    lists = {"sounds": [], "routes": [], "vehicles": [], "is_filmed": False}
    assert {name: empty[name] for name in NAMES} == dict.fromkeys(NAMES) | lists


def test_they_are_translated(made_up: httpx.Client) -> None:
    shown = made_up.get("/v1/events/evt-1?lang=de").json()
    assert (shown["weather"], shown["language_of"]["weather"]) == ("Schneeregen", "de")


def test_they_are_described(made_up: httpx.Client) -> None:
    description = made_up.get("/openapi.json").json()
    schemas = description["components"]["schemas"]
    answers = description["paths"]["/v1/events/{id}"]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    # Each answer is the record itself, and what `include` adds to it.
    records = [schemas[each["$ref"].rpartition("/")[2]]["allOf"][0]["$ref"] for each in answers["anyOf"]]
    [named] = {each.rpartition("/")[2] for each in records if each.endswith("Document")}
    described = schemas[named]["properties"]
    for name in NAMES:
        assert described[name]["description"] == EventWithMore.model_fields[name].description
    for event in made_up.get("/v1/events").json()["data"]:
        jsonschema_rs.validate({"$ref": f"#/components/schemas/{named}", "components": {"schemas": schemas}}, event)
    parameters = {each["name"]: each for each in description["paths"]["/v1/events"]["get"]["parameters"]}
    assert parameters["light"]["schema"]["items"]["enum"] == ["day", "dusk", "night", "null"]
    assert {"-weather", "onlookers", "-reported_on", "light"} <= set(parameters["sort"]["schema"]["enum"])
    assert {"weather", "sounds", "officer", "plate"} <= set(parameters["facets"]["schema"]["items"]["enum"])


def test_they_are_columns(made_up: httpx.Client) -> None:
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(made_up.get("/v1/events?format=csv").text))}
    expected = {
        "weather": "Sleet",
        "sounds": r"a siren|=glass\|breaking",
        "light": "night",
        "onlookers": "12",
        "reported_on_edtf": "2021-06",
        "reported_on_latest": "2021-06-30",
        "reported_on_open_end": "false",
        "is_filmed": "true",
        "officer_id": "agt-1",
        "officer_label": "The council",
        "escort_plate": "AR 1",
        "escort_driver_id": "agt-1",
    }
    assert {name: rows["evt-1"][name] for name in expected} == expected
    assert "AR 7|AR 9" in rows["evt-1"].values()
    assert "plc-2" in rows["evt-1"].values()
    assert rows["evt-3"]["weather"] == rows["evt-3"]["onlookers"] == rows["evt-3"]["reported_on_edtf"] == ""


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("weather=Sleet", ["evt-1"]),
        ("weather=Sleet&weather=breeze", ["evt-1", "evt-2"]),
        ("sounds=a+siren", ["evt-1"]),
        ("light=day", ["evt-2"]),
        ("onlookers_min=100", ["evt-2"]),
        ("onlookers_min=12&onlookers_max=12", ["evt-1"]),
        ("reported_on_from=2021-06-30", ["evt-1"]),
        ("reported_on_to=2021-06-01", ["evt-1", "evt-2"]),
        ("reported_on_to=2021-06-01&reported_on_match=certain", ["evt-2"]),
        ("is_filmed=true", ["evt-1"]),
        ("is_filmed=false", ["evt-2", "evt-3"]),
        ("officer=agt-1&officer=agt-2", ["evt-1", "evt-2"]),
        ("routes=plc-1", ["evt-1", "evt-2"]),
        ("routes=plc-2", ["evt-1"]),
        ("plate=AR+1", ["evt-1"]),
        ("plate=AR+9", ["evt-1"]),
        ("driver=agt-1", ["evt-1"]),
        ("driver=agt-2", []),
        ("light!=day", ["evt-1", "evt-3"]),
        ("light=null", ["evt-3"]),
        ("driver=null", ["evt-2", "evt-3"]),
        ("refers_to=agt-2", ["evt-2"]),
        # Words are answered by another index, which must find the same.
        ("q=night&sort=id&onlookers_min=100", ["evt-2"]),
        ("q=night&sort=id&reported_on_to=2021-06-01&reported_on_match=certain", ["evt-2"]),
        ("q=night&sort=id&is_filmed=false", ["evt-2", "evt-3"]),
        ("q=night&sort=id&routes=plc-1", ["evt-1", "evt-2"]),
        ("q=night&sort=id&plate=AR+9", ["evt-1"]),
    ],
)
def test_lists_are_filtered_by_them(made_up: httpx.Client, query: str, expected: list[str]) -> None:
    assert sorted(found(made_up, query)) == expected


@pytest.mark.parametrize("words", ["sleet", "Schneeregen", "siren", "breaking", '"AR 1"', '"AR 9"'])
def test_their_words_find_the_record(made_up: httpx.Client, words: str) -> None:
    assert found(made_up, f"q={words}") == ["evt-1"]
    [hit] = made_up.get(f"/v1/search?q={words}").json()["data"]
    assert hit["id"] == "evt-1"
    assert hit["excerpts"]


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("weather", ["evt-2", "evt-1", "evt-3"]),
        ("-weather", ["evt-1", "evt-2", "evt-3"]),
        ("light", ["evt-2", "evt-1", "evt-3"]),
        ("onlookers", ["evt-1", "evt-2", "evt-3"]),
        ("-onlookers", ["evt-2", "evt-1", "evt-3"]),
        ("reported_on", ["evt-2", "evt-1", "evt-3"]),
        ("-reported_on", ["evt-1", "evt-2", "evt-3"]),
    ],
)
@pytest.mark.parametrize("words", ["", "&q=night"])
def test_lists_are_sorted_by_them_and_paged(made_up: httpx.Client, order: str, expected: list[str], words: str) -> None:
    paged, address = [], f"/v1/events?limit=1&sort={order}{words}"
    while address:
        page = made_up.get(address).json()
        paged += [event["id"] for event in page["data"]]
        address = page["links"]["next"]
    assert paged == expected
    assert found(made_up, f"sort={order}{words}") == expected


@pytest.mark.parametrize(
    ("facet", "expected"),
    [
        ("weather", {"Sleet": 1, "breeze": 1, None: 1}),
        ("sounds", {"a siren": 1, "=glass|breaking": 1, None: 2}),
        ("light", {"night": 1, "day": 1, None: 1}),
        ("is_filmed", {"true": 1, "false": 2, None: 0}),
        ("officer", {"agt-1": 1, "agt-2": 1, None: 1}),
        ("routes", {"plc-1": 2, "plc-2": 1, None: 1}),
        ("plate", {"AR 1": 1, "AR 7": 1, "AR 9": 1, None: 2}),
        ("driver", {"agt-1": 1, None: 2}),
    ],
)
def test_their_values_are_counted(made_up: httpx.Client, facet: str, expected: dict[str | None, int]) -> None:
    buckets = made_up.get(f"/v1/events?facets={facet}").json()["facets"][facet]
    assert {bucket["value"]: bucket["count"] for bucket in buckets} == expected
