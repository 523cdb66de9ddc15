"""Seven situations that real archives are in, a corpus file each: each passes `check`, and is served as what it is.

Two of them, accounts that differ and a series that was revised, have all their questions in `test_accounts.py`.
"""

import csv
import io
import json
import shutil
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.archive.checks import check_archive
from service.release.publish import publish
from service.settings import Settings
from tests.conftest import PublishTo, Serve, running

SITUATIONS = Path(__file__).parents[1] / "archive" / "corpus" / "situations"
NAMES = [
    "accounts-that-differ",
    "consent-withdrawn-for-a-passage",
    "interview-in-two-sessions",
    "list-of-missing-persons",
    "picture-with-two-geolocations",
    "series-that-was-revised",
    "verdict-annulled-on-appeal",
]


def test_there_are_seven() -> None:
    assert sorted(path.stem for path in SITUATIONS.glob("*.json")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_each_passes_check(name: str) -> None:
    assert check_archive(SITUATIONS / f"{name}.json", today=date(2024, 6, 1)).findings == []


@pytest.mark.parametrize("name", NAMES)
def test_what_is_exported_is_the_same_archive(name: str, tmp_path: Path) -> None:
    first = publish(SITUATIONS / f"{name}.json", tmp_path / "data")
    exported = tmp_path / "exported.jsonl"
    exported.write_bytes((first.folder / "archive.jsonl").read_bytes())
    if (tmp_path / "data" / "files").exists():
        shutil.copytree(tmp_path / "data" / "files", tmp_path / "files")
    assert publish(exported, tmp_path / "again").manifest.id == first.manifest.id


def _served(factory: pytest.TempPathFactory, name: str) -> Iterator[httpx.Client]:
    data = factory.mktemp("situation") / "data"
    publish(SITUATIONS / f"{name}.json", data)
    with running(Settings(data=data)) as client:
        yield client


@pytest.fixture(scope="module")
def interview(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    yield from _served(tmp_path_factory, "interview-in-two-sessions")


@pytest.fixture(scope="module")
def missing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    yield from _served(tmp_path_factory, "list-of-missing-persons")


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    yield from _served(tmp_path_factory, "picture-with-two-geolocations")


@pytest.fixture(scope="module")
def verdict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    yield from _served(tmp_path_factory, "verdict-annulled-on-appeal")


def asked(client: httpx.Client, path: str) -> Any:
    answer = client.get(f"/v1/{path}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(client: httpx.Client, path: str) -> list[str]:
    return [each["id"] for each in asked(client, path)["data"]]


# --- An interview in two sessions ----------------------------------------------------------------------------------


def test_an_interview_counts_its_sessions_apart_and_none_for_its_translation(interview: httpx.Client) -> None:
    assert ids(interview, "testimonies?part_of=tes-vera&sort=given") == ["tes-vera-1", "tes-vera-2"]
    assert ids(interview, "testimonies?contributor=agt-typists") == ["tes-vera-1"]
    assert asked(interview, "testimonies")["meta"]["total"] == 3


def test_each_session_has_times_of_its_own_recording_and_words_in_each_language(interview: httpx.Client) -> None:
    address = "/v1/testimonies/tes-vera-1/transcript"
    last = asked(interview, "testimonies/tes-vera-1/transcript")["segments"][-1]
    assert (last["file"], last["start_s"], last["language"]) == ("first.ogg", 3600, "uk")
    assert last["speaker_agent"] == {"id": "agt-teller", "label": "Vera (a pseudonym)"}
    english = interview.get(address, params={"format": "vtt", "lang": "en"})
    assert "a2\n01:00:00.000 --> 01:00:07.500\n<v Vera (a pseudonym)>The trams did not run." in english.text
    spoken = interview.get(address, params={"format": "vtt", "lang": "*"})
    assert "Трамваї не ходили." in spoken.text
    assert asked(interview, "testimonies/tes-vera-2/transcript")["segments"][0]["file"] == "second.ogg"


def test_words_lead_to_the_second_at_which_they_are_said(interview: httpx.Client) -> None:
    for words in ("trams", "трамваи", "трамваї"):
        [hit] = asked(interview, f"search?q={words}")["data"]
        assert hit["id"] == "tes-vera-1"
        assert {excerpt["segment"]["start_s"] for excerpt in hit["excerpts"]} == {3600}


def test_a_player_seeks_in_the_recording(interview: httpx.Client) -> None:
    [file] = asked(interview, "sources/src-first")["files"]
    part = interview.get(file["href"], headers={"Range": "bytes=4-9"})
    assert (part.status_code, part.headers["content-range"]) == (206, f"bytes 4-9/{file['bytes']}")


# --- Consent that is withdrawn for one passage --------------------------------------------------------------------


def test_a_passage_that_was_taken_back_leaves_a_gap_and_the_names_of_the_others(
    publish_to: PublishTo, serve: Serve, tmp_path: Path
) -> None:
    after = json.loads((SITUATIONS / "consent-withdrawn-for-a-passage.json").read_text(encoding="utf-8"))
    before = json.loads(json.dumps(after))
    [testimony], [source] = before["testimonies"], before["sources"]
    del testimony["transcript"][2]["redacted"], source["text"], source["redactions"]
    testimony["transcript"][2]["text"] = "The neighbour was there."
    data = tmp_path / "data"
    publish_to(data, before)
    publish_to(data, after)
    client = serve(data)
    segments = asked(client, "testimonies/tes-mill/transcript")["segments"]
    assert [(each["id"], each["text"], each["redacted"]) for each in segments] == [
        ("1", "Where were you?", None),
        ("2", "At the mill.", None),
        ("3", None, "consent"),
        ("4", "Then we left.", None),
    ]
    assert "[redacted: consent]" in client.get("/v1/testimonies/tes-mill/transcript?format=vtt").text
    text = client.get("/v1/sources/src-talk/text").text
    [redaction] = asked(client, "sources/src-talk")["redactions"]
    assert text[redaction["start"] : redaction["end"]] == "█" * 24
    erased = asked(client, "changes?erase=true")["data"]
    assert [(each["action"], each["id"]) for each in erased] == [("updated", "src-talk"), ("updated", "tes-mill")]
    assert asked(client, "search?q=neighbour")["data"] == []


# --- A list of missing persons --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("member_of=agt-sought", ["agt-p1", "agt-p2", "agt-p3", "agt-p4"]),
        ("status=missing", ["agt-p1", "agt-p4"]),
        ("status=released", ["agt-p2"]),
        ("status=detained", []),
        ("status!=missing&member_of=agt-sought", ["agt-p2", "agt-p3"]),
        ("status=null", ["agt-bureau", "agt-sought"]),
        ("custom.row_min=2&custom.row_max=3", ["agt-p2", "agt-p3"]),
        ("custom.last_seen_at=plc-bridge", ["agt-p1", "agt-p2"]),
        ("custom.last_seen_on_from=2022-04-11&custom.last_seen_on_to=2022-04-11", ["agt-p1", "agt-p2"]),
        ("birth_from=1984&birth_to=1985", ["agt-p1"]),
        ("identifier=list-1:0001", ["agt-p1"]),
        ("q=Ірина", ["agt-p1"]),
        ("q=Iryna", ["agt-p1"]),
        ("q=Irina", ["agt-p1"]),
    ],
)
def test_who_is_still_missing(missing: httpx.Client, query: str, expected: list[str]) -> None:
    assert ids(missing, f"agents?{query}&sort=id") == expected


def test_somebody_whom_nobody_knows_is_not_withheld(missing: httpx.Client) -> None:
    unknown, withheld = asked(missing, "agents/agt-p3"), asked(missing, "agents/agt-p4")
    assert (unknown["name_policy"], unknown["name"], unknown["label"]) == (
        "unknown",
        None,
        "Unknown man, list no. 1, row 3",
    )
    assert unknown["citations"][0]["evidence"] == "anchored"
    assert withheld["name_policy"] == "withheld"


def test_all_that_became_of_a_person_is_shown_and_the_latest_is_counted(missing: httpx.Client) -> None:
    released = asked(missing, "agents/agt-p2")
    assert [each["status"] for each in released["status"]] == ["missing", "detained", "released"]
    buckets = asked(missing, "agents?facets=status&member_of=agt-sought")["facets"]["status"]
    counted = {bucket["value"]: bucket["count"] for bucket in buckets}
    assert counted == {"missing": 2, "released": 1, "found_dead": 1, None: 0}


# --- A verdict that an appeal annulled ------------------------------------------------------------------------------


def test_what_was_annulled_is_nowhere_shown_as_established(verdict: httpx.Client) -> None:
    [act] = asked(verdict, "events/evt-cell")["acts"]
    assert (act["status"], act["asserted_by"]["id"]) == ("rejected", "agt-society")
    assert [(each["body"]["id"], each["outcome"]) for each in act["findings"]] == [
        ("agt-district", "established"),
        ("agt-appeal", "annulled"),
    ]
    assert [(each["kind"], each["id"]) for each in act["responses"]] == [("denied", "rsp-guard")]
    [row] = csv.DictReader(io.StringIO(verdict.get("/v1/events.csv").text))
    assert (row["act_types"], row["act_statuses"]) == ("beating", "rejected")


def test_an_establishing_verdict_that_was_annulled_cannot_be_written_as_holding(tmp_path: Path) -> None:
    whole = json.loads((SITUATIONS / "verdict-annulled-on-appeal.json").read_text(encoding="utf-8"))
    whole["events"][0]["acts"][0]["status"] = "established"
    (tmp_path / "archive.json").write_text(json.dumps(whole), encoding="utf-8")
    report = check_archive(tmp_path / "archive.json", today=date(2024, 6, 1))
    assert [finding.code for finding in report.findings] == ["unsupported_status"]


# --- A picture with its custody, and two geolocations that differ ---------------------------------------------------


def test_a_picture_shows_its_hashes_and_through_whose_hands_it_came(picture: httpx.Client) -> None:
    shown = asked(picture, "sources/src-picture")
    kept, elsewhere = shown["files"]
    assert (kept["role"], kept["url"], kept["alt"]) == ("access_copy", None, "A yard with three long roofs.")
    assert (elsewhere["role"], elsewhere["href"]) == ("original", None)
    assert len(elsewhere["sha256"]) == 64
    assert [(each["action"], each["on"]) for each in shown["custody"]] == [
        ("captured", "2022-03-19"),
        ("received", "2022-03-21T10:00:00Z"),
        ("hashed", "2022-03-21"),
    ]
    assert shown["recorded"]["edtf"] == "2022-03-19T08:41:00Z"
    assert ids(picture, "sources?part_of=src-roll") == ["src-picture"]
    assert ids(picture, "sources?media_type=image/tiff") == ["src-picture"]
    assert picture.get(kept["href"]).headers["content-type"] == "image/gif"


def test_two_geolocations_are_claims_of_whoever_made_them(picture: httpx.Client) -> None:
    event = asked(picture, "events/evt-yard")
    assert [(each["value"]["id"], each["asserted_by"]["id"]) for each in event["claims"]] == [
        ("plc-north", "agt-one"),
        ("plc-south", "agt-two"),
    ]
    assert (event["place"]["id"], event["disputed"]) == ("plc-north", True)
    assert ids(picture, "events?place=plc-south") == ["evt-yard"]
    assert ids(picture, "events?place=plc-south&place_match=certain") == []
    assert asked(picture, "places/plc-south")["citations"][0]["source"]["id"] == "src-two"
    assert asked(picture, "agents")["meta"]["total"] == 4, "analysts are no witnesses"
    assert asked(picture, "testimonies")["meta"]["total"] == 0
