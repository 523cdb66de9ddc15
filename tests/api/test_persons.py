"""Persons over HTTP: what became of them, what else they are called, and what names a record elsewhere."""

from collections.abc import Iterator

import httpx
import pytest

from service.release.publish import publish
from service.settings import Settings
from tests.archives import CITED, Fields, archive, record, write
from tests.conftest import running


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
