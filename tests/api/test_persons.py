"""Persons over HTTP: what became of them, what else they are called, and what names a record elsewhere."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import httpx
import pytest

from service.archive.checks.report import ArchiveInvalid
from service.archive.unnaming import unname
from service.catalogue.criteria import COLLECTIONS
from service.release.publish import publish
from service.settings import Settings
from tests.archives import CITED, Fields, archive, file_of, record, write
from tests.conftest import Serve, running


def _status(status: str, date: str | None = None) -> Fields:
    return {"status": status, "asserted_by": "agt-1", "citations": CITED, **({} if date is None else {"date": date})}


def _person(record_id: str, name: str, **fields: object) -> Fields:
    return record(record_id, kind="person", name=name, access={"consent_basis": "published_source"}, **fields)


RECORDS = [
    _person(
        "agt-2",
        "Mara Ivanova",
        names=[
            {"text": "Мара Іванова", "language": "uk", "kind": "transliteration"},
            {"text": "Zhuravka", "kind": "alias"},
        ],
        status=[_status("missing", "2021-05-10"), _status("found_alive", "2021-06-01")],
        identifiers=[{"scheme": "viaf", "value": "123"}],
    ),
    _person(
        "agt-3",
        "Olena Petrenko",
        status=[_status("missing", "2021-05-10")],
        identifiers=[{"scheme": "orcid", "value": "123"}],
    ),
]

#: The first of them, as she was published before: with a name that is taken back.
FORMER = RECORDS[0] | {"names": [*RECORDS[0]["names"], {"text": "Birchbark", "kind": "alias"}]}


@pytest.fixture(scope="module")
def persons(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("persons")
    publish(write(folder / "archive.json", archive(FORMER, *RECORDS[1:])), folder / "data")
    publish(write(folder / "archive.json", archive(*RECORDS)), folder / "data")
    with running(Settings(data=folder / "data")) as client:
        yield client


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("status=missing", ["agt-3"]),
        ("status=found_alive", ["agt-2"]),
        ("identifier=123", ["agt-2", "agt-3"]),
        ("identifier=viaf:123", ["agt-2"]),
        ("identifier=viaf:124", []),
        ("q=Іванова", ["agt-2"]),
        ("q=zhuravka", ["agt-2"]),
    ],
)
def test_persons_are_found_by(persons: httpx.Client, query: str, expected: list[str]) -> None:
    answer = persons.get(f"/v1/agents?{query}")
    assert answer.status_code == 200, answer.text
    assert sorted(each["id"] for each in answer.json()["data"]) == expected


@pytest.mark.parametrize("typed", ["іван", "zhur"])
def test_search_boxes_complete_each_name(persons: httpx.Client, typed: str) -> None:
    [found] = persons.get("/v1/suggest", params={"q": typed}).json()["data"]
    assert found["collection"] == "agents"
    assert found["text"] in {"Мара Іванова", "Zhuravka"}


def test_a_name_that_is_taken_back_is_to_be_erased_and_found_no_more(persons: httpx.Client) -> None:
    erased = persons.get("/v1/changes?erase=true").json()["data"]
    assert [(each["action"], each["id"]) for each in erased] == [("updated", "agt-2")]
    assert persons.get("/v1/agents?q=birchbark").json()["meta"]["total"] == 0
    assert persons.get("/v1/suggest?q=birch").json()["data"] == []
    assert "Birchbark" not in persons.get("/v1/agents/agt-2").text


# --- A name that is taken back, in every field that may hold one -------------------------------------------------------

NAME = "Ostap Vyshnia"


def _who_is_named_everywhere() -> Fields:
    return archive(
        _person("agt-9", NAME, label="A man"),
        record(
            "src-2",
            verbatim=True,
            held_at=f"Shelf of {NAME}",
            files=[file_of("m/speech.txt", alt=f"{NAME} speaks")],
            custody=[{"on": "2022-01-01", "action": "received", "note": f"From {NAME}"}],
            tags=[NAME],
        ),
        record(
            "tes-1",
            witness="agt-9",
            citations=[{"source": "src-2"}],
            index=[{"title": f"{NAME} begins", "synopsis": f"With {NAME}", "keywords": [NAME]}],
            transcript=[{"id": "a", "text": f"I am {NAME}.", "translations": {"de": {"text": f"Ich bin {NAME}."}}}],
            notes=[f"{NAME} asked"],
        ),
        record(
            "evt-1",
            relations=[{"type": "account_of", "to": "tes-1", "note": f"As {NAME} says"}],
            custom={"who": NAME},
        ),
        record("sta-1", series=f"Counts of {NAME}", breakdown={"status": NAME}),
        fields={"event": [{"name": "who", "label": "Who", "kind": "text"}]},
    )


def test_a_name_that_is_taken_back_is_served_nowhere(serve: Serve, tmp_path: Path) -> None:
    today, data = date(2026, 3, 4), tmp_path / "data"
    path = write(tmp_path / "archive.json", _who_is_named_everywhere())
    publish(path, data)
    told = unname(path, "agt-9", policy="withheld", label=None, today=today)
    assert len(told.places) == 14
    with pytest.raises(ArchiveInvalid):
        publish(path, data)
    whole = json.loads(path.read_text())
    [agent] = [each for each in whole["agents"] if each["id"] == "agt-9"]
    kept, agent["access"]["private"] = agent["access"]["private"], None
    whole = json.loads(json.dumps(whole).replace(NAME, "the man"))
    next(each for each in whole["agents"] if each["id"] == "agt-9")["access"]["private"] = kept
    # What a segment says cannot be put in other words: it is left out.
    whole["testimonies"][0]["transcript"] = [{"id": "a", "redacted": "safety"}]
    whole["sources"][-1]["files"][0]["masked"] = True
    whole["testimonies"][0]["citations"][0]["masked"] = True
    publish(write(path, whole), data)
    client = serve(data)
    addresses = [f"/v1/{collection}" for collection in COLLECTIONS]
    addresses += [
        "/v1/archive",
        "/v1/testimonies/tes-1/transcript",
        "/v1/testimonies/tes-1/transcript?format=vtt&lang=de",
    ]
    addresses += [
        "/v1/changes",
        "/v1/events.csv",
        "/v1/events?facets=tag",
        "/v1/suggest?q=o",
        "/testimonies/tes-1",
        "/agents/agt-9",
    ]
    for address in addresses:
        answer = client.get(address)
        assert answer.status_code == 200, address
        assert "Vyshnia" not in answer.text, address
    assert client.get("/v1/search?q=vyshnia").json()["meta"]["total"] == 0
    erased = {each["id"] for each in client.get("/v1/changes?erase=true").json()["data"]}
    assert erased >= {"agt-9", "src-2", "tes-1"}
