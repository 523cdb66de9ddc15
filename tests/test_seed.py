"""The seed archive keeps to what its README promises about titles, texts, passages and answers."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

SEED = json.loads((Path(__file__).parent.parent / "seed" / "archive.json").read_text(encoding="utf-8"))
RECORDS = [record for records in SEED.values() if isinstance(records, list) for record in records]
#: Passages may touch, with a space or a quotation mark between them.
TOUCHING = 2
#: A gap of fewer characters between two passages of one record points at what was left out.
FRAMED = 60
#: Keys whose values are written for readers.
FOR_READERS = {
    "title",
    "label",
    "name",
    "description",
    "summary",
    "note",
    "date_note",
    "subject",
    "method",
    "population",
}


def texts(value: Any, key: str = "") -> Iterator[str]:
    """Yield the texts for readers in a record and in its parts."""
    if isinstance(value, dict):
        for name, each in value.items():
            yield from texts(each, name)
    elif isinstance(value, list):
        for each in value:
            yield from texts(each, key)
    elif isinstance(value, str) and key in FOR_READERS:
        yield value


def passages(value: Any) -> Iterator[tuple[int, int]]:
    """Yield where the passages begin and end that a record and its parts cite."""
    if isinstance(value, dict):
        if "start" in value and "end" in value:
            yield value["start"], value["end"]
        for each in value.values():
            yield from passages(each)
    elif isinstance(value, list):
        for each in value:
            yield from passages(each)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_texts_for_readers_hold_no_ids(record: dict[str, Any]) -> None:
    named = [text for text in texts(record) if re.search(r"\b(src|agt|plc|top|evt|tes|sta|rsp)-[a-z0-9]", text)]
    assert named == []


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record["id"])
def test_no_two_passages_of_a_record_frame_what_is_left_out(record: dict[str, Any]) -> None:
    cited = sorted(set(passages(record)))
    covered = 0
    gaps = []
    for start, end in cited:
        if covered:
            gaps.append(start - covered)
        covered = max(covered, end)
    assert [gap for gap in gaps if TOUCHING < gap < FRAMED] == []


def test_no_two_titles_of_a_collection_are_the_same() -> None:
    for collection in ("events", "testimonies", "statistics"):
        titles = [record["title"] for record in SEED[collection]]
        assert len(titles) == len(set(titles)) > 1, collection


def test_a_testimony_says_in_its_title_who_speaks() -> None:
    witnesses = {"agt-p01": "Zharov", "agt-p02": "Pinchuk", "agt-g01": "Twenty-nine", "agt-g02": "Detainees"}
    missing = [each["id"] for each in SEED["testimonies"] if witnesses[each["witness"]] not in each["title"]]
    assert missing == []


def test_every_accused_actor_has_an_answer_or_a_word_on_its_absence() -> None:
    answered = {(each["party"], about) for each in SEED["responses"] for about in each.get("about", [])}
    accused = [
        (act["actor"], {event["id"], event.get("part_of", event["id"])})
        for event in SEED["events"]
        for act in event.get("acts", [])
        if act.get("actor")
    ]
    assert accused
    assert [actor for actor, events in accused if not {(actor, event) for event in events} & answered] == []


def test_the_day_without_a_year_stays_without_one(client: httpx.Client) -> None:
    date = client.get("/v1/events/evt-002").json()["date"]
    assert (date["edtf"], date["earliest"], date["latest"]) == ("XXXX-05-09", None, None)


def test_the_day_without_a_year_is_found_only_between_days_that_hold_it(client: httpx.Client) -> None:
    def found(first: str, last: str, **more: str) -> bool:
        asked = {"date_from": first, "date_to": last, "fields": "id", **more}
        return "evt-002" in client.get("/v1/events", params=asked).text

    assert not found("2018-01-01", "2018-01-31")
    assert not found("2018-01-01", "2018-01-31", q="Pinchuk")
    assert found("2018-05-01", "2018-05-31")
    assert found("2018-05-01", "2018-05-31", q="Pinchuk")
    assert not found("2018-05-09", "2018-05-09", date_match="certain")


def test_a_timeline_of_the_seed_holds_no_invented_bars(client: httpx.Client) -> None:
    months = client.get("/v1/events", params={"facets": "month,year"}).json()["facets"]["month"]
    counted = {each["value"]: each["count"] for each in months if each["count"]}
    assert counted["2017-05"] == 1, "the announcement, which states a year"
    assert "2018-05" not in counted
    undated = sum(event["date"] is None for event in SEED["events"])
    assert counted[None] == undated + 1, "the undated, and the day without a year"


def test_hundreds_may_be_left_out(client: httpx.Client) -> None:
    def found(**more: str) -> set[str]:
        asked = {"value_min": "1000", "fields": "id", **more}
        return {each["id"] for each in client.get("/v1/statistics", params=asked).json()["data"]}

    assert found() == {"sta-001", "sta-005", "sta-006", "sta-008"}
    assert found(value_match="certain") == {"sta-001", "sta-005"}
    assert found(value_match="certain", q="Moscow cameras court") <= {"sta-001", "sta-005"}


@pytest.mark.parametrize(
    ("words", "record"),
    [
        ('"big brother"', "tes-004"),
        ('"wanted list"', "tes-001"),
        ('"artificial intelligence"', "evt-010"),
        ("algorithm", "evt-010"),
        ("subway", "evt-010"),
        ('"payment gate"', "evt-001"),
        ("beat", "tes-006"),
        ('"bad experience"', "tes-006"),
        ("opponents", "evt-010"),
        ('"video surveillance"', "evt-005"),
        ("flagged detention", "tes-009"),
    ],
)
def test_words_that_a_journalist_looks_for_find_the_record(client: httpx.Client, words: str, record: str) -> None:
    found = client.get("/v1/search", params={"q": words}).json()["data"]
    assert record in json.dumps(found)
