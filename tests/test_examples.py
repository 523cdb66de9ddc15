"""The invented archive in examples/ is published, and shows over the API what its README says that it shows."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import httpx
import pytest

from service.archive.vocabularies import ResponseKind
from service.release.publish import publish
from service.settings import Settings
from tests.conftest import running

EXAMPLES = Path(__file__).parent.parent / "examples"
ARDEN = json.loads((EXAMPLES / "arden.json").read_text(encoding="utf-8"))
IDS = {record["id"] for records in ARDEN.values() if isinstance(records, list) for record in records}


@pytest.fixture(scope="module")
def arden(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Yield a client of a server with the invented archive."""
    data = tmp_path_factory.mktemp("arden") / "data"
    publish(EXAMPLES / "arden.json", data)
    with running(Settings(data=data)) as client:
        yield client


def at(value: Any, path: str) -> Any:
    """Return what stands at a path such as `data.0.id`; `*` takes all entries of a list."""
    for position, step in enumerate(steps := path.split(".")):
        if step == "*":
            return [at(each, ".".join(steps[position + 1 :])) for each in value]
        value = value[int(step)] if isinstance(value, list) else value[step]
    return value


def test_the_readme_names_every_record_and_no_other() -> None:
    table = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"`((?:src|agt|plc|top|evt|tes|sta|rsp)-[a-z0-9-]+)`", table)) == IDS


def test_the_archive_says_that_it_is_invented() -> None:
    head = ARDEN["archive"]
    assert all("invented" in head[key] for key in ("title", "description", "coverage", "contact", "citation"))
    assert "invented" in head["publisher"]["name"]
    addresses = re.findall(r"https?://([^/\"]+)", json.dumps(ARDEN))
    ours = [host for host in addresses if host != "rightsstatements.org"]
    assert len(ours) > 1
    assert [host for host in ours if not host.endswith(".example")] == []


#: What it shows, where it is asked, what of the answer is looked at, and what stands there.
SHOWN = [
    ("points", "/v1/events?bbox=-123.5,-48.9,-123.3,-48.8&type=detention", "data.*.id", ["evt-stop"]),
    ("places in places", "/v1/events?place=plc-country&type=detention", "data.*.id", ["evt-stop"]),
    ("topics three levels down", "/v1/events?topic=top-liberty&type=detention", "data.*.id", ["evt-stop"]),
    ("the same concept elsewhere", "/v1/topics/top-liberty", "exact_match", ["https://concepts.example/liberty"]),
    ("an interval", "/v1/events/evt-night", "date.latest", "2021-05-15"),
    ("an approximate day", "/v1/events/evt-blow", "date.edtf", "2021-05-14~"),
    ("an uncertain day", "/v1/events/evt-missing", "date.edtf", "2021-05-15?"),
    ("an open end", "/v1/events/evt-inquiry", "date.latest", None),
    ("a day without a year", "/v1/events/evt-song", "date.edtf", "XXXX-05-14"),
    ("a certain day", "/v1/events?date_from=2021-05-14&date_to=2021-05-14&date_match=certain&type=detention",
     "data.*.id", ["evt-stop"]),
    ("evidence by a passage", "/v1/testimonies/tes-driver", "citations.*.evidence", ["anchored", "anchored"]),
    ("evidence by a page", "/v1/statistics/sta-injured", "citations.0.page", 9),
    ("evidence by a time", "/v1/testimonies/tes-nadia", "citations.0.time", [0, 20]),
    ("a source as a whole", "/v1/testimonies/tes-minor", "citations.0.evidence", "cited"),
    ("words that may be quoted", "/v1/testimonies/tes-driver", "citations.0.quote", "A guard said: ‘Wait here.’"),
    ("a pseudonym", "/v1/testimonies/tes-mira", "witness.label", "Mira (a pseudonym)"),
    ("a withheld name", "/v1/agents/agt-p03", "name", None),
    ("a name that nobody knows", "/v1/agents/agt-p06", "name_policy", "unknown"),
    ("a missing person", "/v1/agents?status=missing", "data.*.id", ["agt-p06"]),
    ("by whom that is said", "/v1/agents/agt-p06", "status.0.asserted_by.label", "Nadia Selwan"),
    ("an identifier of a court", "/v1/sources?identifier=Arden+112/2021", "data.*.id", ["src-judgment"]),
    ("a tag", "/v1/events?tag=choir&sort=id", "data.*.id", ["evt-night", "evt-song"]),
    ("an own field", "/v1/events?custom.trams_kept_min=1", "data.*.custom.trams_kept", [3]),
    ("an own field that is yes or no", "/v1/events?custom.list_found=false", "data.*.id", ["evt-stop"]),
    ("a term with those below it", "/v1/testimonies?custom.conditions=hardship&sort=id", "data.*.id",
     ["tes-driver", "tes-nadia"]),
    ("a term's label in Arabic", "/v1/testimonies/tes-nadia?lang=ar", "custom.conditions.*.label", ["برد", "غناء"]),
    ("a vocabulary", "/v1/vocabularies/conditions", "terms.*.value", ["hardship", "cold", "no-water", "singing"]),
    ("hearsay", "/v1/testimonies/tes-choir", "hearsay.*.id", ["agt-guard"]),
    ("figures that contradict each other", "/v1/statistics?q=held&facets=qualifier&sort=id&place=plc-north-gate",
     "data.*.as_stated", ["most", "nobody", "fewer than 60", "at least 41"]),
    ("a date that others claim", "/v1/events?date_from=2021-05-16&date_to=2021-05-16&type=disappearance", "data.*.id",
     ["evt-missing"]),
    ("accounts that differ", "/v1/events?disputed=true&sort=id", "data.*.id", ["evt-missing", "evt-stop"]),
    ("figures of an event", "/v1/statistics?event=evt-stop&sort=id", "meta.total", 3),
    ("a figure that disputes another", "/v1/statistics/sta-held-records", "related_from.*.from.id", ["sta-held-guard"]),
    ("a series as it stands", "/v1/statistics?unit=trams&current=true&sort=period", "data.*.value", [2, 11, None, 0]),
    ("a month of a series", "/v1/statistics?unit=trams&period_from=2021-05&period_to=2021-05&sort=id", "data.*.current",
     [False, True]),
    ("a part of those counted", "/v1/statistics?age=under+14", "data.*.id", ["sta-kept-2021-05-children"]),
    ("a share of another figure", "/v1/statistics?relative_to=sta-held-records", "data.*.qualifier", ["most"]),
    ("admitted", "/v1/events/evt-stop", "acts.0.status", "admitted"),
    ("established", "/v1/events/evt-stop", "acts.1.status", "established"),
    ("and denied all the same", "/v1/events/evt-stop", "acts.1.responses.*.kind", ["denied"]),
    ("upheld on appeal", "/v1/events/evt-stop", "acts.1.findings.*.outcome", ["established", "upheld"]),
    ("annulled on appeal", "/v1/events/evt-blow", "acts.0.findings.*.outcome", ["established", "annulled"]),
    ("what was annulled is no longer established", "/v1/events/evt-blow", "acts.0.status", "rejected"),
    ("an answer in words", "/v1/responses/rsp-sergeant", "summary", "He says that he touched nobody."),
    ("a warning before an event", "/v1/events/evt-blow", "content_warnings", ["physical violence"]),
    ("a testimony by its original language", "/v1/testimonies?language=ar", "data.*.id", ["tes-nadia"]),
    ("a title from right to left", "/v1/testimonies/tes-nadia?lang=ar", "title", "نادية سلوان عن الرجل صاحب صندوق الكمان"),
    ("a title in French", "/v1/events/evt-night?lang=fr", "title", "La nuit des trams à Arden"),
    ("words of a transcript in Arabic", "/v1/testimonies?q=كمان", "data.*.id", ["tes-nadia"]),
    ("words of a transcript in French", "/v1/testimonies?q=sergent", "data.*.id", ["tes-mira"]),
    ("a transcript", "/v1/testimonies/tes-mira/transcript", "segments.0.speaker", "Arden Records"),
    ("a gap in a transcript", "/v1/testimonies/tes-mira/transcript", "segments.2.redacted", "third_party"),
    ("a transcript in another language", "/v1/testimonies/tes-mira-2/transcript?lang=en", "segments.*.text",
     ["And in the morning?", "We were let go when it was light. Nobody said why.", "Good night, they said."]),
    ("who contributed", "/v1/testimonies?contributor=agt-lantern", "data.*.id", ["tes-mira-2"]),
    ("sessions of an interview", "/v1/testimonies?part_of=tes-mira-interview", "data.*.id", ["tes-mira", "tes-mira-2"]),
    ("a table of contents", "/v1/testimonies/tes-mira", "index.*.title",
     ["Where she was", "Waiting in the tram", "The blow"]),
    ("words in a table of contents", "/v1/search?q=everybody", "data.0.excerpts.0.segment.id", "a1"),
    ("why words are blanked", "/v1/sources/src-hearing", "redactions.*.reason", ["court_order"]),
    ("a recording, and no original", "/v1/sources/src-interview-ar", "files.*.role", ["access_copy", "subtitles"]),
    ("where a recording is", "/v1/sources?file_role=subtitles&media_type=audio%2Fwav", "data.0.files.0.name",
     "interview-ar.wav"),
    ("through whose hands it came", "/v1/sources/src-interview-ar", "custody.*.action", ["captured", "hashed"]),
    ("a content warning", "/v1/testimonies/tes-mira", "content_warnings", ["physical violence"]),
    ("consent of a guardian", "/v1/testimonies/tes-minor", "access.consent_basis", "guardian"),
    ("a referral", "/v1/responses/rsp-mayor", "referred_to.id", "agt-ministry"),
    ("nothing of what is hidden is counted", "/v1/testimonies", "meta.total", 7),
    ("nor is a restricted source", "/v1/sources", "meta.total", 7),
]  # fmt: skip


@pytest.mark.parametrize(("address", "path", "expected"), [row[1:] for row in SHOWN], ids=[row[0] for row in SHOWN])
def test_a_question_has_its_answer(arden: httpx.Client, address: str, path: str, expected: Any) -> None:
    answer = arden.get(address)
    assert answer.status_code == 200, answer.text
    assert at(answer.json(), path) == expected


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("/v1/testimonies/tes-gone", 410),
        ("/v1/testimonies/tes-sealed", 404),
        ("/v1/sources/src-notes", 404),
    ],
)
def test_what_is_not_there_to_be_read(arden: httpx.Client, address: str, status: int) -> None:
    assert arden.get(address).status_code == status


def test_what_is_private_is_in_the_file_and_in_no_answer(arden: httpx.Client) -> None:
    private = next(each for each in ARDEN["agents"] if each["id"] == "agt-p02")["access"]["private"]["name"]
    whole = arden.get("/v1/archive").text
    assert "agt-p02" in whole
    assert all(word not in whole for word in private.split()[:2])
    assert arden.get("/v1/search", params={"q": private.split()[1]}).json()["data"] == []


def test_a_recording_is_heard_from_any_second(arden: httpx.Client) -> None:
    shown = arden.get("/v1/sources/src-interview-ar").json()["files"][0]
    whole = (EXAMPLES / "media" / "interview-ar.wav").read_bytes()
    part = arden.get(shown["href"], headers={"Range": "bytes=30000-"})
    assert (part.status_code, part.content) == (206, whole[30000:])


def test_every_kind_of_answer_is_there(arden: httpx.Client) -> None:
    counted = arden.get("/v1/responses?facets=kind&limit=1").json()["facets"]["kind"]
    assert {each["value"] for each in counted if each["count"]} == set(get_args(ResponseKind))


def test_the_text_of_a_source_holds_what_a_citation_points_to(arden: httpx.Client) -> None:
    text = arden.get("/v1/sources/src-hearing/text").text
    cited = arden.get("/v1/testimonies/tes-driver").json()["citations"][0]
    assert text[cited["start"] : cited["end"]] == cited["quote"]
    assert any(ord(character) > 0xFFFF for character in text[: cited["start"]])


def test_a_transcript_is_given_as_subtitles(arden: httpx.Client) -> None:
    subtitles = arden.get("/v1/testimonies/tes-nadia/transcript?format=vtt").text
    assert subtitles.startswith("WEBVTT")
    assert "كنت أنتظر عند البوابة الشمالية" in subtitles


def test_places_are_drawn_on_a_map(arden: httpx.Client) -> None:
    features = arden.get("/v1/events?format=geojson").json()["features"]
    assert {feature["id"] for feature in features} >= {"evt-stop", "evt-night"}
