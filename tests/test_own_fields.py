"""Fields and vocabularies that an archive declares in its head: checked, published, shown, described, filtered by, counted,
sorted by, searched, translated, brought out and back, as the format's own are.
"""

import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest

from service.release.publish import publish
from service.settings import Settings
from tests.archives import archive, record, write
from tests.conftest import PublishTo, Serve, running

VOCABULARIES: dict[str, Any] = {
    "weapons": {
        "title": "Weapons",
        "terms": [
            {
                "value": "gun",
                "label": "Firearm",
                "exact_match": ["https://example.org/c/gun"],
                "translations": {"de": {"label": "Schusswaffe", "description": "Was schießt."}},
            },
            {"value": "pistol", "label": "Handgun", "broader": "gun"},
            {"value": "gas", "label": "Tear gas"},
        ],
    },
    "event_type": {
        "terms": [
            {
                "value": "kettling",
                "label": "Kettling",
                "broader": "protest",
                "translations": {"de": {"label": "Einkesselung"}},
            }
        ]
    },
    "role": {"closed": False, "terms": [{"value": "driver", "label": "Driver"}]},
    "act_type": {
        "terms": [{"value": "beating", "label": "Beating"}, {"value": "kick", "label": "Kick", "broader": "beating"}]
    },
}


def own(name: str, kind: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "label": name.replace("_", " ").capitalize(), "kind": kind, **more}


FIELDS: dict[str, Any] = {
    "event": [
        own("weapons", "term", vocabulary="weapons", many=True, translations={"de": {"label": "Waffen"}}),
        own("main_weapon", "term", vocabulary="weapons", description="The one that was used most."),
        own("rounds", "number", unit="rounds"),
        own("counts", "number", many=True),
        own("remarks", "text"),
        own("units", "text", many=True),
        own("filmed", "boolean"),
        own("seen", "date"),
        own("days", "date", many=True),
        own("link", "url"),
        own("officer", "reference", to=["agent"]),
        own("route", "reference", to=["place"], many=True),
        own("json", "text"),
    ],
    "statistic": [own("incident", "reference")],
}
FULL: dict[str, Any] = {
    "weapons": ["pistol", "gas"],
    "main_weapon": "pistol",
    "rounds": 12,
    "counts": [3, 100],
    "remarks": "A siren was heard",
    "units": ["=A|B", "C"],
    "filmed": True,
    "seen": "2021-06",
    "days": ["2021-01-01", "2021-03"],
    "link": "https://example.org/v",
    "officer": "agt-1",
    "route": ["plc-1"],
}
CITED = [{"source": "src-1"}]
ACT = {"type": "kick", "status": "alleged", "asserted_by": "agt-1", "citations": CITED}
EVENTS = [
    record(
        "evt-1",
        type="kettling",
        custom=FULL,
        acts=[ACT],
        participants=[{"agent": "agt-1", "role": "driver"}],
        translations={"de": {"custom": {"remarks": "Eine Sirene"}}},
    ),
    record("evt-2", custom={"rounds": 200, "main_weapon": "gun", "filmed": False}),
    record("evt-3"),
]
ARCHIVE = archive(record("plc-1"), *EVENTS, vocabularies=VOCABULARIES, fields=FIELDS)
NOTHING_STATED: dict[str, Any] = {each["name"]: [] if each.get("many") else None for each in FIELDS["event"]}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("own")
    publish(write(folder / "archive.json", ARCHIVE), folder / "data")
    return folder / "data"


@pytest.fixture(scope="module")
def client(data: Path) -> Iterator[httpx.Client]:
    with running(Settings(data=data)) as served:
        yield served


def found(client: httpx.Client, query: str) -> list[str]:
    answer = client.get(f"/v1/events?{query}")
    assert answer.status_code == 200, answer.text
    return [event["id"] for event in answer.json()["data"]]


def test_every_declared_field_is_always_shown(client: httpx.Client) -> None:
    shown = client.get("/v1/events/evt-1").json()["custom"]
    pistol = {"value": "pistol", "label": "Handgun"}
    assert shown == NOTHING_STATED | FULL | {
        "weapons": [pistol, {"value": "gas", "label": "Tear gas"}],
        "main_weapon": pistol,
        "seen": {**shown["seen"], "edtf": "2021-06", "earliest": "2021-06-01", "latest": "2021-06-30"},
        "days": shown["days"],
        "officer": {"id": "agt-1", "label": "The council"},
        "route": [{"id": "plc-1", "label": "Arden", "country": None}],
    }
    assert [day["edtf"] for day in shown["days"]] == FULL["days"]
    assert client.get("/v1/events/evt-3").json()["custom"] == NOTHING_STATED
    assert client.get("/v1/places/plc-1").json()["custom"] == {}


def test_they_are_shown_in_the_readers_language(client: httpx.Client) -> None:
    shown = client.get("/v1/events/evt-1?lang=de").json()
    assert (shown["custom"]["remarks"], shown["language_of"]["custom.remarks"]) == ("Eine Sirene", "de")
    listed = client.get("/v1/events?custom.main_weapon=gun&facets=custom.main_weapon,type&lang=de").json()
    [first, second] = listed["data"]
    assert second["custom"]["main_weapon"] == {"value": "gun", "label": "Schusswaffe"}
    assert first["custom"]["main_weapon"] == {"value": "pistol", "label": "Handgun"}
    assert {each["label"] for each in listed["facets"]["custom.main_weapon"]} == {"Schusswaffe", "Handgun", None}
    assert {each["value"]: each["label"] for each in listed["facets"]["type"]} == {
        "kettling": "Einkesselung", "protest": "protest", "other": "other", None: None,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("custom.weapons=pistol", ["evt-1"]),
        ("custom.weapons=gun", ["evt-1"]),
        ("custom.main_weapon=gun", ["evt-1", "evt-2"]),
        ("custom.main_weapon=pistol", ["evt-1"]),
        ("type=protest", ["evt-1"]),
        ("type=kettling", ["evt-1"]),
        ("act=beating", ["evt-1"]),
        ("custom.rounds_min=100", ["evt-2"]),
        ("custom.rounds_max=12", ["evt-1"]),
        ("custom.counts_min=50", ["evt-1"]),
        ("custom.counts_min=101", []),
        ("custom.remarks=A+siren+was+heard", ["evt-1"]),
        ("custom.units=C", ["evt-1"]),
        ("custom.filmed=false", ["evt-2"]),
        ("custom.seen_from=2021-06-30", ["evt-1"]),
        ("custom.seen_to=2021-06-02&custom.seen_match=certain", []),
        ("custom.days_from=2021-03-31", ["evt-1"]),
        ("custom.link=https://example.org/v", ["evt-1"]),
        ("custom.officer=agt-1", ["evt-1"]),
        ("custom.route=plc-1", ["evt-1"]),
        ("q=siren", ["evt-1"]),
        ("q=Sirene", ["evt-1"]),
        ("q=Schusswaffe", ["evt-2"]),
        ("q=night&sort=id&custom.main_weapon=gun", ["evt-1", "evt-2"]),
        ("q=night&sort=id&custom.rounds_min=100", ["evt-2"]),
        ("q=night&sort=id&custom.seen_from=2021-06-30", ["evt-1"]),
    ],
)
def test_lists_are_filtered_by_them(client: httpx.Client, query: str, expected: list[str]) -> None:
    assert sorted(found(client, query)) == expected


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("custom.rounds", ["evt-1", "evt-2", "evt-3"]),
        ("-custom.rounds", ["evt-2", "evt-1", "evt-3"]),
        # By what the terms are called: firearm, handgun.
        ("custom.main_weapon", ["evt-2", "evt-1", "evt-3"]),
        ("custom.seen", ["evt-1", "evt-2", "evt-3"]),
        ("-custom.filmed", ["evt-1", "evt-2", "evt-3"]),
    ],
)
@pytest.mark.parametrize("words", ["", "&q=night"])
def test_lists_are_sorted_by_them(client: httpx.Client, order: str, expected: list[str], words: str) -> None:
    assert found(client, f"sort={order}{words}") == expected


def test_their_values_are_counted_with_labels_and_levels(client: httpx.Client) -> None:
    facets = client.get("/v1/events?facets=custom.main_weapon,custom.filmed,custom.officer,act").json()["facets"]
    assert facets["custom.main_weapon"] == [
        {"value": "gun", "label": "Firearm", "count": 2, "broader": None},
        {"value": "pistol", "label": "Handgun", "count": 1, "broader": "gun"},
        {"value": None, "label": None, "count": 1, "broader": None},
    ]
    assert {each["value"]: each["count"] for each in facets["custom.filmed"]} == {"true": 1, "false": 1, None: 1}
    assert {"value": "agt-1", "label": "The council", "count": 1} in facets["custom.officer"]
    assert {each["value"]: each["count"] for each in facets["act"]} == {"kick": 1, "beating": 1, None: 2}


def test_they_are_columns(client: httpx.Client) -> None:
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(client.get("/v1/events?format=csv").text))}
    expected = {
        "custom.weapons": "pistol|gas",
        "custom.weapons.label": "Handgun|Tear gas",
        "custom.rounds": "12",
        "custom.counts": "3|100",
        "custom.units": r"'=A\|B|C",
        "custom.filmed": "true",
        "custom.seen": "2021-06",
        "custom.seen.latest": "2021-06-30",
        "custom.days": "2021-01-01|2021-03",
        "custom.officer": "agt-1",
        "custom.officer.label": "The council",
        "custom.route": "plc-1",
    }
    assert {name: rows["evt-1"][name] for name in expected} == expected
    assert {value for name, value in rows["evt-3"].items() if name.startswith("custom.")} == {""}


def test_they_are_described_as_they_are(client: httpx.Client) -> None:
    description = client.get("/openapi.json").json()
    schemas = description["components"]["schemas"]
    custom = schemas["EventCustomDocument"]["properties"]
    assert set(custom) == set(NOTHING_STATED)
    assert custom["main_weapon"]["description"] == "The one that was used most."
    assert schemas["WeaponsTerm"]["properties"]["value"]["enum"] == ["gun", "pistol", "gas"]
    assert "kettling" in schemas["EventDocument"]["properties"]["type"]["enum"]
    for event in client.get("/v1/events").json()["data"]:
        jsonschema_rs.validate(
            {"$ref": "#/components/schemas/EventDocument", "components": {"schemas": schemas}}, event
        )
    parameters = {each["name"]: each for each in description["paths"]["/v1/events"]["get"]["parameters"]}
    assert parameters["custom.weapons"]["schema"]["items"]["enum"] == ["gun", "pistol", "gas", "null"]
    assert {"custom.rounds_min", "custom.seen_from", "custom.officer"} <= parameters.keys()
    assert {"-custom.rounds", "custom.main_weapon"} <= set(parameters["sort"]["schema"]["enum"])


def test_what_is_no_term_is_refused_with_the_terms_there_are(client: httpx.Client) -> None:
    [error] = client.get("/v1/events?custom.weapons=knife").json()["errors"]
    assert (error["parameter"], error["allowed"]) == ("custom.weapons", ["gun", "pistol", "gas"])


def test_what_is_exported_is_published_again_as_the_same(client: httpx.Client, tmp_path: Path) -> None:
    (tmp_path / "again.jsonl").write_bytes(client.get("/v1/archive").content)
    again = publish(tmp_path / "again.jsonl", tmp_path / "data")
    assert again.manifest.id == client.get("/v1").json()["release"]["id"]


def test_a_new_label_changes_the_documents_that_show_it(tmp_path: Path) -> None:
    write(tmp_path / "archive.json", ARCHIVE)
    publish(tmp_path / "archive.json", tmp_path / "data")
    renamed = json.loads(json.dumps(ARCHIVE))
    renamed["archive"]["vocabularies"]["weapons"]["terms"][2]["label"] = "CS gas"
    second = publish(write(tmp_path / "archive.json", renamed), tmp_path / "data")
    assert second.changes["updated"] == 1


def test_vocabularies_have_addresses(client: httpx.Client) -> None:
    listed = {each["name"]: each for each in client.get("/v1/vocabularies").json()["data"]}
    assert (listed["weapons"]["terms"], listed["weapons"]["built_in"]) == (3, False)
    assert listed["qualifier"]["built_in"]
    shown = client.get("/v1/vocabularies/weapons?lang=de").json()
    assert [(each["label"], each["language"]) for each in shown["terms"]] == [
        ("Schusswaffe", "de"), ("Handgun", "en"), ("Tear gas", "en"),
    ]  # fmt: skip
    assert shown["terms"][1]["broader"] == "gun"
    assert {"collection": "events", "filter": "custom.weapons"} in shown["used_by"]
    types = {each["value"]: each for each in client.get("/v1/vocabularies/event_type").json()["terms"]}
    assert (types["kettling"]["built_in"], types["killing"]["built_in"]) == (False, True)
    assert client.get("/v1/vocabularies/none").status_code == 404


def test_vocabularies_are_skos_where_that_is_asked_for(client: httpx.Client) -> None:
    asked = client.get("/v1/vocabularies/weapons", headers={"Accept": "application/ld+json"})
    assert asked.headers["content-type"].startswith("application/ld+json")
    assert asked.json() == client.get("/v1/vocabularies/weapons?format=jsonld").json()
    [scheme, gun, pistol, _] = asked.json()["@graph"]
    assert scheme["@type"] == "skos:ConceptScheme"
    assert gun["skos:prefLabel"] == [
        {"@value": "Firearm", "@language": "en"}, {"@value": "Schusswaffe", "@language": "de"},
    ]  # fmt: skip
    assert gun["skos:exactMatch"] == [{"@id": "https://example.org/c/gun"}]
    assert pistol["skos:broader"] == {"@id": gun["@id"]}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("events?custom.seat=plc-land", ["evt-1"]),
        ("events?custom.seat=plc-town", ["evt-1"]),
        ("events?custom.seat=plc-yard", []),
        ("events?custom.seat!=plc-land", ["evt-2"]),
        ("events?custom.seat=plc-land&q=night", ["evt-1"]),
        ("events?custom.subject=top-wide", ["evt-1"]),
        ("events?custom.cause=evt-whole", ["evt-1"]),
        ("events?custom.cause=evt-part", ["evt-1"]),
        ("events?custom.any=src-series", ["evt-2"]),
    ],
)
def test_a_reference_is_found_with_what_lies_in_the_record_it_names(
    publish_to: PublishTo, serve: Serve, tmp_path: Path, query: str, expected: list[str]
) -> None:
    fields = [own(name, "reference", to=to) for name, to in (("seat", ["place"]), ("subject", ["topic"]), ("any", []))]
    whole = archive(
        record("src-series"),
        record("src-part", part_of="src-series"),
        record("top-wide"),
        record("top-narrow", broader="top-wide"),
        record("plc-land"),
        record("plc-town", part_of="plc-land"),
        record("plc-yard", part_of="plc-town"),
        record("evt-whole"),
        record("evt-part", part_of="evt-whole"),
        record("evt-1", custom={"seat": "plc-town", "subject": "top-narrow", "cause": "evt-part"}),
        record("evt-2", custom={"any": "src-part"}),
        fields={"event": [*fields, own("cause", "reference", to=["event"])]},
    )
    publish_to(tmp_path / "data", whole)
    client = serve(tmp_path / "data")
    among = [each["id"] for each in client.get(f"/v1/{query}&id=evt-1&id=evt-2").json()["data"]]
    assert among == expected
    counted = client.get("/v1/events?facets=custom.seat").json()["facets"]["custom.seat"]
    assert {each["value"]: each["count"] for each in counted} == {"plc-town": 1, "plc-land": 1, None: 3}
