"""What is told where a question finds nothing: what was perhaps meant, and which identifiers nothing public has."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from service.catalogue.meant import slips
from service.release.publish import publish
from service.settings import Settings
from tests.archives import archive, record, write
from tests.conftest import running

RECORDS = [
    record("plc-1", name="Arden"),
    record("top-1", label="Eviction"),
    record("agt-2", name="Варвара Жарова", kind="person"),
    record("tes-1", title="Zharov on the bulldozers in Arden", topics=["top-1"]),
    record("tes-2", title="Überfall am Markt"),
    record("tes-3", title="Hidden marshmallows", access={"visibility": "restricted"}),
]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("meant")
    whole = archive(*RECORDS, withdrawn=[{"id": "top-9", "on": "2026-03-02"}])
    publish(write(folder / "archive.json", whole), folder / "data")
    with running(Settings(data=folder / "data")) as client:
        yield client


def meta(client: httpx.Client, address: str, **params: Any) -> Any:
    answer = client.get(f"/v1/{address}", params=params or None)
    assert answer.status_code == 200, answer.text
    return answer.json()["meta"]


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Zharof", "Zharov"),  # another letter
        ("zharv", "zharov"),  # one missing
        ("ZHARRROV", "ZHAROV"),  # two too many
        ("zahrov", "zharov"),  # two in each other's place
        ("Xharov", "Zharov"),  # the first letter
        ("harov", "zharov"),
        ("hzarov", "zharov"),
        ("buldozzers -garden", "bulldozers -garden"),
        ('"zharof on the buldozers" arden', '"zharov on the bulldozers" arden'),
        ("uberfal", "überfall"),
        ("zharov", None),  # it is found
        ("ardn", "arden"),
        ("art", None),  # too short to tell what was meant
        ("zzzzzzzz", None),
        ("bulldozers markt", None),  # both are words, not of one record
        ("buldozers markt", None),
        ("marshmalows", None),  # the word of a hidden record is none
        ("12345", None),
        ("zharof*", None),
        ("qqqq wwww eeee rrrr", None),
    ],
)
def test_what_was_meant(asked: httpx.Client, typed: str, meant: str | None) -> None:
    assert meta(asked, "testimonies", q=typed)["did_you_mean"] == meant
    assert meta(asked, "testimonies", q=typed, sort="title")["did_you_mean"] == meant


def test_what_was_meant_in_a_search(asked: httpx.Client) -> None:
    assert meta(asked, "search", q="Жорова")["did_you_mean"] == "Жарова"
    assert meta(asked, "search", q="Zharof")["did_you_mean"] == "Zharov"
    assert meta(asked, "search", q="Zharof", collection="places")["did_you_mean"] is None
    assert meta(asked, "search", q="Zharov")["did_you_mean"] is None
    assert meta(asked, "testimonies")["did_you_mean"] is None


def test_what_was_meant_finds_something_under_the_same_filters(asked: httpx.Client) -> None:
    assert meta(asked, "testimonies", q="Zharof", topic="top-1")["did_you_mean"] == "Zharov"
    assert meta(asked, "testimonies", q="uberfal", topic="top-1")["did_you_mean"] is None


def test_what_was_meant_is_told_of_a_query_sent_as_a_body(asked: httpx.Client) -> None:
    answer = asked.post("/v1/testimonies/query", json={"q": "Zharof"})
    assert answer.json()["meta"]["did_you_mean"] == "Zharov"


def test_the_search_page_leads_to_what_was_meant(asked: httpx.Client) -> None:
    page = asked.get("/search?q=Zharof&lang=fr", headers={"Accept": "text/html"}).text
    assert "Vouliez-vous dire" in page
    assert "q=Zharov&amp;" in page or 'q=Zharov"' in page
    assert "Vouliez-vous dire" not in asked.get("/search?q=Zharov&lang=fr", headers={"Accept": "text/html"}).text


@pytest.mark.parametrize(
    ("word", "other", "number"),
    [("abcd", "abcd", 0), ("abcd", "abdc", 1), ("abcd", "bcd", 1), ("abcd", "xabcd", 1), ("abcd", "dcba", 3)],
)
def test_slips_are_counted(word: str, other: str, number: int) -> None:
    assert slips(word, other, most=2) == number
    assert slips(other, word, most=2) == number


def noted(parameter: str, value: str) -> dict[str, str]:
    return {"parameter": parameter, "value": value, "message": f"no public record has the identifier {value}"}


def test_identifiers_that_nothing_has_are_told(asked: httpx.Client) -> None:
    assert meta(asked, "testimonies?topic=top-privcy&topic=top-1&topic=null")["notes"] == [noted("topic", "top-privcy")]
    assert meta(asked, "testimonies?event=evt-999")["notes"] == [noted("event", "evt-999")]
    assert meta(asked, "testimonies?topic!=top-2&id=tes-1")["notes"] == [noted("topic!", "top-2")]
    assert meta(asked, "search?q=a&place=plc-2")["notes"] == [noted("place", "plc-2")]
    assert meta(asked, "testimonies?topic=top-1&language=evt-999")["notes"] == []


def test_hidden_and_withdrawn_records_are_told_of_as_those_that_never_were(asked: httpx.Client) -> None:
    for value in ("tes-3", "tes-999"):
        assert meta(asked, f"testimonies?id={value}")["notes"] == [noted("id", value)]
    for value in ("top-9", "top-8"):
        assert meta(asked, f"events?topic={value}")["notes"] == [noted("topic", value)]


def test_few_of_many_identifiers_are_told(asked: httpx.Client) -> None:
    many = [f"tes-x{number}" for number in range(9000)]
    notes = asked.post("/v1/testimonies/query", json={"id": many}).json()["meta"]["notes"]
    assert len(notes) == 20
